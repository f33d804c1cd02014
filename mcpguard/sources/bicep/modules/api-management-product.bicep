// One of the products of avm/res/api-management/service, with its APIs and policies.
param serviceName string
param product object

resource declared 'Microsoft.ApiManagement/service/products@2024-05-01' = {
  name: '${serviceName}/${product.name}'
  properties: {
    displayName: product.displayName
    description: product.?description
    subscriptionRequired: product.?subscriptionRequired ?? true
    approvalRequired: product.?approvalRequired ?? false
    subscriptionsLimit: product.?subscriptionsLimit
    state: product.?state ?? 'published'
    terms: product.?terms
  }
}

resource api 'Microsoft.ApiManagement/service/products/apis@2024-05-01' = [for item in product.?apis ?? []: {
  parent: declared
  name: item
}]

resource policy 'Microsoft.ApiManagement/service/products/policies@2024-05-01' = [for item in product.?policies ?? []: {
  parent: declared
  name: item.?name ?? 'policy'
  properties: {
    format: item.?format ?? 'xml'
    value: item.value
  }
}]
