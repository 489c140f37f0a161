/**
 * What Reach's pages say about four of its endpoints, in the notation of `Notation.ts`. Sources: the
 * reference pages "Create Customer Resource", "Patch Customer Resource" and "Batch Patch Customer
 * Resources" (OpenAPI 3.0.0, Reach API 1.0.0), and the guide to batches for `GET /api/batches/{batchId}`.
 * It is true to those pages, not to this library; `deviations.ts` says where the two differ.
 */
import type { Contract } from "./Notation.ts"

const optionalFields = {
  "email?": "string",
  "phone?": "string",
  "emailOptOut?": "boolean",
  "smsOptOut?": "boolean",
  "customerDetailUrl?": "string"
} as const

const customer = {
  customerId: "string",
  firstName: "string",
  lastName: "string",
  createdAt: "string(date-time)",
  ...optionalFields
} as const

const partialCustomer = {
  "customerId?": "string",
  "firstName?": "string",
  "lastName?": "string",
  "createdAt?": "string(date-time)",
  ...optionalFields
} as const

const resource = {
  id: "string(uuid)",
  schema_definition_id: "string(uuid)",
  schemaDefinitionId: "string(uuid)",
  platform_id: "string(uuid)",
  platformId: "string(uuid)",
  business_id: "string(uuid)",
  businessId: "string(uuid)",
  resource_external_id: "string",
  resourceExternalId: "string",
  created_at: "string",
  createdAt: "string",
  updated_at: "string",
  updatedAt: "string",
  data: customer
} as const

const badRequest = { "success?": "false = false", message: "string", "errors?": ["string"] } as const

const notFound = { success: "boolean", "message?": "string", "data?": { error: "string" } } as const

export const reachContract: Contract = {
  server: "https://api.embedreach.com",
  security: "none",
  endpoints: {
    "POST /api/resources/customers": {
      source: "reference",
      parameters: {
        "header reach-tenant-id?": "string",
        "query onconflict?": '"upsert" | "reject" = "upsert"',
        "query ignoreUnknownFields?": "boolean | null = false"
      },
      payload: { "body?": { data: customer } },
      answers: {
        200: { success: "boolean", "message?": "string", "data?": resource },
        400: badRequest,
        404: notFound
      }
    },
    "PATCH /api/resources/customers/{externalId}": {
      source: "reference",
      parameters: {
        "header reach-tenant-id?": "string",
        "path externalId": "string",
        "query ignoreUnknownFields?": "boolean | null = false"
      },
      payload: { "body?": { data: partialCustomer } },
      answers: {
        200: {
          success: "boolean",
          "message?": "string",
          "data?": { result: resource, "included?": [resource] }
        },
        400: badRequest,
        404: notFound
      }
    },
    "PATCH /api/resources/customers/batch": {
      source: "reference",
      parameters: {
        "header reach-tenant-id?": "string",
        "query ignoreUnknownFields?": 'string | null = "false"'
      },
      payload: { "body?": { resources: [partialCustomer] } },
      answers: {
        202: {
          success: "boolean",
          "message?": "string",
          "data?": { batchId: "string", message: "string", recordCount: "number", schemaDefinitionId: "string" }
        },
        400: badRequest,
        404: notFound
      }
    },
    // The guide names the fields and shows some values; what it leaves open is `unsaid` here.
    "GET /api/batches/{batchId}": {
      source: "guide",
      parameters: {
        "path batchId": "string",
        "query includePendingDetails~": '"true" | "false"',
        "header reach-tenant-id?": "string"
      },
      answers: {
        200: {
          "data~": {
            "batchId~": "string",
            "status~": '"success" | ...',
            "batchType~":
              '"PARTNER_RESOURCE_JSON_INGEST" | "PARTNER_RESOURCE_BATCH_PATCH" | "PARTNER_RESOURCE_BATCH_DELETE"',
            "progress~": {
              "totalRecords~": "unsaid",
              "processedRecords~": "unsaid",
              "successfulRecords~": "unsaid",
              "pendingRecords?": "unsaid",
              "failedRecords~": "unsaid",
              "successRate~": "unsaid"
            },
            "completedAt~": "unsaid",
            "startedAt?": "unsaid",
            "createdAt?": "unsaid",
            "schemaName?": "unsaid",
            "schemaDefinitionId?": "unsaid",
            "errors~": { "summary~": "{*}", "details~": "{*}", "message~": "unsaid" },
            "pendingResources?": [
              {
                "id~": "unsaid",
                "resourceExternalId~": "unsaid",
                "schemaDefinitionId~": "unsaid",
                "missingDependencies~": ["unsaid"],
                "expiresAt~": "unsaid",
                "createdAt~": "unsaid",
                "schemaName~": "unsaid"
              }
            ]
          }
        },
        404: "unsaid"
      }
    }
  }
}
