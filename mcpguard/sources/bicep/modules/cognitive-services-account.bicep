// What avm/res/cognitive-services/account declares, by the names of its parameters (Azure/bicep-registry-modules, 0.10 to 0.15).
param name string
param kind string
param sku string = 'S0'
param location string = resourceGroup().location
param tags object?
param managedIdentities object?
param publicNetworkAccess string
param networkAcls object?
param customSubDomainName string?
param disableLocalAuth bool = true
param allowProjectManagement bool?
param apiProperties object?

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  kind: kind
  location: location
  tags: tags
  sku: {
    name: sku
  }
  identity: {
    type: empty(managedIdentities) ? 'None' : join(concat(managedIdentities.?systemAssigned ?? false ? ['SystemAssigned'] : [], empty(managedIdentities.?userAssignedResourceIds) ? [] : ['UserAssigned']), ', ')
  }
  properties: {
    publicNetworkAccess: publicNetworkAccess
    networkAcls: networkAcls
    customSubDomainName: customSubDomainName
    disableLocalAuth: disableLocalAuth
    allowProjectManagement: allowProjectManagement
    apiProperties: apiProperties
  }
}

output name string = account.name
output resourceId string = account.id
output endpoint string = account.properties.endpoint
output location string = location
