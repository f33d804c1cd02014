// One of the APIs of avm/res/api-management/service, with its policies, operations and diagnostics.
param serviceName string
param api object

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}

resource declared 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: api.name
  properties: {
    displayName: api.displayName
    path: api.path
    description: api.?description
    type: api.?type ?? 'http'
    apiType: api.?apiType ?? 'http'
    apiRevision: api.?apiRevision
    apiVersion: api.?apiVersion
    isCurrent: api.?isCurrent ?? true
    protocols: api.?protocols ?? ['https']
    serviceUrl: api.?serviceUrl
    sourceApiId: api.?sourceApiId
    subscriptionRequired: api.?subscriptionRequired ?? false
    subscriptionKeyParameterNames: api.?subscriptionKeyParameterNames
    authenticationSettings: api.?authenticationSettings
    format: empty(api.?value) ? null : api.?format ?? 'openapi'
    value: api.?value
  }
}

resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = [for item in api.?policies ?? []: {
  parent: declared
  name: item.?name ?? 'policy'
  properties: {
    format: item.?format ?? 'xml'
    value: item.value
  }
}]

resource diagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = [for item in api.?diagnostics ?? []: {
  parent: declared
  name: item.?name ?? 'local'
  properties: {
    loggerId: resourceId('Microsoft.ApiManagement/service/loggers', serviceName, item.loggerName)
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

module operation 'br:mcpguard/api-management-operation' = [for item in api.?operations ?? []: {
  params: {
    serviceName: serviceName
    apiName: api.name
    operation: item
  }
}]
