// What avm/res/app/container-app declares, by the names of its parameters (Azure/bicep-registry-modules, 0.11 to 0.20).
param name string
param location string = resourceGroup().location
param tags object?
param managedIdentities object?
param environmentResourceId string
param workloadProfileName string?
param disableIngress bool = false
param ingressExternal bool = true
param ingressAllowInsecure bool = true
param ingressTransport string = 'auto'
param ingressTargetPort int = 80
param clientCertificateMode string = 'ignore'
param corsPolicy object?
param ipSecurityRestrictions array?
param customDomains array?
param additionalPortMappings array?
param secrets array?
param registries array?
param containers array
param scaleSettings object?
param authConfig object?

resource containerApp 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: empty(managedIdentities) ? 'None' : join(concat(managedIdentities.?systemAssigned ?? false ? ['SystemAssigned'] : [], empty(managedIdentities.?userAssignedResourceIds) ? [] : ['UserAssigned']), ',')
    userAssignedIdentities: toObject(managedIdentities.?userAssignedResourceIds ?? [], id => id, id => {})
  }
  properties: {
    environmentId: environmentResourceId
    workloadProfileName: workloadProfileName
    configuration: {
      ingress: disableIngress ? null : {
        external: ingressExternal
        allowInsecure: ingressTransport == 'tcp' ? false : ingressAllowInsecure
        transport: ingressTransport
        targetPort: ingressTargetPort
        clientCertificateMode: clientCertificateMode
        corsPolicy: corsPolicy
        ipSecurityRestrictions: ipSecurityRestrictions
        customDomains: customDomains
        additionalPortMappings: additionalPortMappings
      }
      secrets: secrets
      registries: registries
    }
    template: {
      containers: containers
      scale: scaleSettings
    }
  }
}

resource authentication 'Microsoft.App/containerApps/authConfigs@2025-01-01' = if (!empty(authConfig)) {
  parent: containerApp
  name: 'current'
  properties: authConfig
}

output name string = containerApp.name
output resourceId string = containerApp.id
output resourceGroupName string = resourceGroup().name
output location string = location
output fqdn string = containerApp.properties.configuration.ingress.fqdn
output systemAssignedMIPrincipalId string = reference(containerApp.id, '2025-01-01', 'full').identity.principalId
