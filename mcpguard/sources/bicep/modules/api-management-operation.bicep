// One of the operations of an API of avm/res/api-management/service, with its policies.
param serviceName string
param apiName string
param operation object

resource declared 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = {
  name: '${serviceName}/${apiName}/${operation.name}'
  properties: {
    displayName: operation.displayName
    method: operation.method
    urlTemplate: operation.urlTemplate
    description: operation.?description
    templateParameters: operation.?templateParameters
  }
}

resource policy 'Microsoft.ApiManagement/service/apis/operations/policies@2024-05-01' = [for item in operation.?policies ?? []: {
  parent: declared
  name: item.?name ?? 'policy'
  properties: {
    format: item.?format ?? 'xml'
    value: item.value
  }
}]
