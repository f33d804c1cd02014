// What avm/res/web/site declares, by the names of its parameters (Azure/bicep-registry-modules, 0.15 to 0.22).
// A parameter without a default here has one there that differs between versions; left out, its value is unknown.
param name string
param location string = resourceGroup().location
param kind string
param tags object?
param managedIdentities object?
param serverFarmResourceId string?
param managedEnvironmentResourceId string?
param httpsOnly bool = true
param siteConfig object
param functionAppConfig object?
param publicNetworkAccess string
param clientCertEnabled bool = false
param clientCertMode string = 'Optional'
param virtualNetworkSubnetId string?
param virtualNetworkSubnetResourceId string?
param configs array = []
param appSettingsKeyValuePairs object?
param authSettingV2Configuration object?
param basicPublishingCredentialsPolicies array = []

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: kind
  tags: tags
  identity: {
    type: empty(managedIdentities) ? 'None' : join(concat(managedIdentities.?systemAssigned ?? false ? ['SystemAssigned'] : [], empty(managedIdentities.?userAssignedResourceIds) ? [] : ['UserAssigned']), ', ')
    userAssignedIdentities: toObject(managedIdentities.?userAssignedResourceIds ?? [], id => id, id => {})
  }
  properties: {
    serverFarmId: serverFarmResourceId
    managedEnvironmentId: managedEnvironmentResourceId
    httpsOnly: httpsOnly
    siteConfig: siteConfig
    functionAppConfig: functionAppConfig
    publicNetworkAccess: publicNetworkAccess
    clientCertEnabled: clientCertEnabled
    clientCertMode: clientCertMode
    virtualNetworkSubnetId: virtualNetworkSubnetResourceId ?? virtualNetworkSubnetId
  }
}

resource config 'Microsoft.Web/sites/config@2024-04-01' = [for item in configs: {
  parent: app
  name: item.name
  properties: item.?properties ?? {}
}]

resource settings 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(appSettingsKeyValuePairs)) {
  parent: app
  name: 'appsettings'
  properties: appSettingsKeyValuePairs
}

resource authentication 'Microsoft.Web/sites/config@2024-04-01' = if (!empty(authSettingV2Configuration)) {
  parent: app
  name: 'authsettingsV2'
  properties: authSettingV2Configuration
}

resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [for item in basicPublishingCredentialsPolicies: {
  parent: app
  name: item.name
  properties: {
    allow: item.?allow ?? true
  }
}]

output name string = app.name
output resourceId string = app.id
output resourceGroupName string = resourceGroup().name
output location string = location
output defaultHostname string = app.properties.defaultHostName
output systemAssignedMIPrincipalId string = reference(app.id, '2024-04-01', 'full').identity.principalId
