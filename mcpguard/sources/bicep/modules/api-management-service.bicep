// What avm/res/api-management/service declares, by the names of its parameters (Azure/bicep-registry-modules, 0.9 to 0.14).
// A parameter without a default here has one there that differs between versions; left out, its value is unknown.
param name string
param location string = resourceGroup().location
param tags object?
param sku string = 'Premium'
param skuCapacity int?
param managedIdentities object?
param publisherEmail string
param publisherName string
param publicNetworkAccess string
param virtualNetworkType string = 'None'
param subnetResourceId string?
param minApiVersion string
param customProperties object
param hostnameConfigurations array?
param enableClientCertificate bool = false
param disableGateway bool = false
param apis array = []
param backends array = []
param loggers array = []
param namedValues array = []
param policies array = []
param portalsettings array = []
param products array = []
param serviceDiagnostics array = []
param subscriptions array = []

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    capacity: skuCapacity
  }
  identity: {
    type: empty(managedIdentities) ? 'None' : join(concat(managedIdentities.?systemAssigned ?? false ? ['SystemAssigned'] : [], empty(managedIdentities.?userAssignedResourceIds) ? [] : ['UserAssigned']), ', ')
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: publisherName
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkType: virtualNetworkType
    virtualNetworkConfiguration: empty(subnetResourceId) ? null : { subnetResourceId: subnetResourceId }
    hostnameConfigurations: hostnameConfigurations
    customProperties: customProperties
    enableClientCertificate: enableClientCertificate
    disableGateway: disableGateway
    apiVersionConstraint: {
      minApiVersion: minApiVersion
    }
  }
}

resource policy 'Microsoft.ApiManagement/service/policies@2024-05-01' = [for item in policies: {
  parent: service
  name: item.?name ?? 'policy'
  properties: {
    format: item.?format ?? 'xml'
    value: item.value
  }
}]

resource backend 'Microsoft.ApiManagement/service/backends@2024-05-01' = [for item in backends: {
  parent: service
  name: item.name
  properties: {
    title: item.?title
    description: item.?description
    type: item.?type
    url: item.?url
    protocol: item.?protocol ?? 'http'
    credentials: item.?credentials
    resourceId: item.?resourceId
    tls: item.?tls ?? { validateCertificateChain: true, validateCertificateName: true }
    pool: item.?pool
    proxy: item.?proxy
  }
}]

resource namedValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = [for item in namedValues: {
  parent: service
  name: item.name
  properties: {
    displayName: item.displayName
    secret: item.?secret ?? false
    value: item.?value
    keyVault: item.?keyVault
    tags: item.?tags
  }
}]

resource logger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = [for item in loggers: {
  parent: service
  name: item.name
  properties: {
    loggerType: item.?type ?? 'azureMonitor'
    credentials: item.?credentials
    resourceId: item.?targetResourceId
    isBuffered: item.?isBuffered
  }
}]

resource diagnostic 'Microsoft.ApiManagement/service/diagnostics@2024-05-01' = [for item in serviceDiagnostics: {
  parent: service
  name: item.name
  properties: {
    loggerId: item.loggerResourceId
    alwaysLog: item.?alwaysLog ?? 'allErrors'
    backend: item.?backend
    frontend: item.?frontend
    httpCorrelationProtocol: item.?httpCorrelationProtocol ?? 'Legacy'
    logClientIp: item.?logClientIp ?? false
    metrics: item.?metrics ?? false
    verbosity: item.?verbosity ?? 'error'
    sampling: {
      samplingType: 'fixed'
      percentage: item.?samplingPercentage ?? 100
    }
  }
}]

resource portal 'Microsoft.ApiManagement/service/portalsettings@2024-05-01' = [for item in portalsettings: {
  parent: service
  name: item.name
  properties: item.properties
}]

resource subscription_ 'Microsoft.ApiManagement/service/subscriptions@2024-05-01' = [for item in subscriptions: {
  parent: service
  name: item.name
  properties: {
    displayName: item.displayName
    scope: item.?scope ?? '/apis'
    allowTracing: item.?allowTracing
    ownerId: item.?ownerId
    state: item.?state
    primaryKey: item.?primaryKey
    secondaryKey: item.?secondaryKey
  }
}]

module api 'br:mcpguard/api-management-api' = [for item in apis: {
  params: {
    serviceName: name
    api: item
  }
}]

module product 'br:mcpguard/api-management-product' = [for item in products: {
  params: {
    serviceName: name
    product: item
  }
}]

output name string = service.name
output resourceId string = service.id
output resourceGroupName string = resourceGroup().name
output location string = location
output systemAssignedMIPrincipalId string = reference(service.id, '2024-05-01', 'full').identity.principalId
