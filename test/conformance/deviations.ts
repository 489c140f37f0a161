/**
 * Where this library declares something else than the vendors' pages say, by name and with the reason.
 * The contract test fails when a difference is not listed here, and when a listed one is gone.
 */
import type { Tables } from "./Table.ts"

export interface Deviation {
  readonly id: string
  readonly page: string
  readonly declared: string
  readonly reason: string
  readonly differences: ReadonlyArray<{
    /** As in `Difference`; `row` for a row that only one side has. */
    readonly facet: string
    readonly theirs: string
    readonly ours: string
    /** Method, path and place, as `locate` writes them. */
    readonly at: ReadonlyArray<string>
  }>
}

const create = "POST /api/resources/customers"
const patch = "PATCH /api/resources/customers/{externalId}"
const batch = "PATCH /api/resources/customers/batch"
const status = "GET /api/batches/{batchId}"
const update = "POST /businesses/{id}/customers/batch_update"

/** A place in an endpoint's table. */
export const locate = (endpoint: string, place: string): string => `${endpoint} -> ${place}`

const within = (endpoint: string, ...places: ReadonlyArray<string>): ReadonlyArray<string> =>
  places.map((place) => locate(endpoint, place))

const fields = (parents: ReadonlyArray<string>, ...names: ReadonlyArray<string>): ReadonlyArray<string> =>
  parents.flatMap((parent) => names.map((name) => `${parent}.${name}`))

/** Reach's resource, wherever it is answered. */
const resources = [...within(create, "200 data"), ...within(patch, "200 data.result", "200 data.included[]")]
const answeredCustomers = fields(resources, "data")
const sentCustomers = [
  ...within(create, "body data"),
  ...within(patch, "body data"),
  ...within(batch, "body resources[]")
]
const deletable = ["email", "phone", "emailOptOut", "smsOptOut", "customerDetailUrl"]
const twins = ["schema_definition_id", "platform_id", "business_id", "resource_external_id", "created_at", "updated_at"]
const resourceFields = [
  "id",
  "schemaDefinitionId",
  "platformId",
  "businessId",
  "resourceExternalId",
  "createdAt",
  "updatedAt",
  "data",
  ...twins
]
/** Pocketflows' customer, but for its id. */
const answeredFields = ["external_id", "email_address", "phone_number", "full_name", "metadata", "unsubscribed"]
const pending = locate(status, "200 data.pendingResources[]")
const progress = locate(status, "200 data.progress")
const batchData = locate(status, "200 data")
const isRate = (place: string): boolean => place.endsWith(".successRate")
const counts = [
  ...fields(
    [progress],
    "totalRecords",
    "processedRecords",
    "successfulRecords",
    "pendingRecords",
    "failedRecords",
    "successRate"
  )
]
const texts = [
  ...fields([batchData], "completedAt", "startedAt", "createdAt", "schemaName", "schemaDefinitionId", "errors.message"),
  ...fields([pending], "id", "resourceExternalId", "schemaDefinitionId", "expiresAt", "createdAt", "schemaName")
]

const declared: ReadonlyArray<Deviation> = [
  {
    id: "body-required",
    page: "Reach's pages do not mark the request body as required, which leaves it optional.",
    declared: "A body is required.",
    reason: "The one field of each body is required, so a request without a body says nothing.",
    differences: [
      {
        facet: "required",
        theirs: "no",
        ours: "yes",
        at: [locate(create, "body"), locate(patch, "body"), locate(batch, "body")]
      }
    ]
  },
  {
    id: "batch-record-names-its-customer",
    page: "In a batch, `customerId` is optional like every other field.",
    declared: "It is required.",
    reason: "The batch endpoint has no id in its path: a record without `customerId` is about nobody.",
    differences: [
      { facet: "required", theirs: "no", ours: "yes", at: fields(within(batch, "body resources[]"), "customerId") }
    ]
  },
  {
    id: "null-deletes",
    page: 'The fields of a request body are not nullable; the prose of "Create Customer Resource" says that null deletes a field.',
    declared: "Null is a value of the fields that are not required.",
    reason: "The prose is the more exact of the two. For the two patches it is inferred: they merge in the same way.",
    differences: [{ facet: "null", theirs: "no", ours: "yes", at: fields(sentCustomers, ...deletable) }]
  },
  {
    id: "answers-need-only-what-is-used",
    page: "Nearly all fields of an answer are required, and are not nullable.",
    declared:
      "Only those are required that tell whose answer it is and what it counts; the others may be absent or null.",
    reason:
      "An answer that lacks what nobody reads is still the answer, and what was sent is applied. Which fields are required varies by partner, what is deprecated may go, and whether a deleted field is answered as null is not said.",
    differences: [
      {
        facet: "required",
        theirs: "yes",
        ours: "no",
        at: [
          ...within(create, "200 success"),
          ...within(patch, "200 success"),
          ...within(batch, "202 success"),
          ...fields(resources, ...resourceFields),
          ...fields(answeredCustomers, "customerId", "firstName", "lastName", "createdAt"),
          ...fields(within(batch, "202 data"), "message", "schemaDefinitionId"),
          ...fields(within(update, "200 customers[]"), ...answeredFields)
        ]
      },
      {
        facet: "null",
        theirs: "no",
        ours: "yes",
        at: [
          ...within(create, "200 message"),
          ...within(patch, "200 message"),
          ...within(batch, "202 message"),
          ...fields(resources, ...resourceFields),
          ...fields(answeredCustomers, "customerId", "firstName", "lastName", "createdAt", ...deletable),
          ...fields(within(batch, "202 data"), "message", "schemaDefinitionId"),
          ...fields(within(update, "200 customers[]"), "metadata")
        ]
      }
    ]
  },
  {
    id: "no-null-in-a-query",
    page: "`ignoreUnknownFields` is nullable.",
    declared: "It is a value or absent.",
    reason: "A query has no way to write null; leaving the parameter out has the default's effect.",
    differences: [
      {
        facet: "null",
        theirs: "yes",
        ours: "no",
        at: [create, patch, batch].flatMap((endpoint) => within(endpoint, "query ignoreUnknownFields"))
      }
    ]
  },
  {
    id: "ids-not-empty",
    page: "Ids are texts of any length.",
    declared: "They have at least one character.",
    reason: "An empty path value would reach another route, and an empty id names nobody.",
    differences: [
      {
        facet: "length",
        theirs: "-",
        ours: "1..",
        at: [
          ...within(patch, "path externalId"),
          ...within(status, "path batchId"),
          ...within(update, "path id", "body customers[].id"),
          ...fields(sentCustomers, "customerId")
        ]
      }
    ]
  },
  {
    id: "batch-size",
    page: "`resources` is an array of any length; Reach's guide to batches allows at most 1,000 records.",
    declared: "It holds 1 to 1,000 records.",
    reason: "The guide's limit is refused before sending; a batch of nobody is not worth a request.",
    differences: [{ facet: "length", theirs: "-", ours: "1..1000", at: within(batch, "body resources") }]
  },
  {
    id: "guide-silent-on-counts",
    page: "The guide does not say what the counts of a batch are.",
    declared: "They are whole numbers from 0 on, and the rate is a number.",
    reason: "They are counts of records: what says anything else is not believed, and asked for again.",
    differences: [
      { facet: "type", theirs: "unsaid", ours: "integer", at: counts.filter((at) => !isRate(at)) },
      { facet: "range", theirs: "-", ours: `0..${Number.MAX_SAFE_INTEGER}`, at: counts.filter((at) => !isRate(at)) },
      { facet: "type", theirs: "unsaid", ours: "number", at: counts.filter(isRate) }
    ]
  },
  {
    id: "open-enums",
    page: "`unsubscribed` is `future`, `campaign` or null; `batchType` is one of three.",
    declared: "Other values are read too.",
    reason: "A value that a vendor adds must not make an answer unreadable.",
    differences: [
      {
        facet: "values",
        theirs: '"future" | "campaign"',
        ours: '"future" | "campaign" | ...',
        at: within(update, "200 customers[].unsubscribed")
      },
      {
        facet: "values",
        theirs: '"PARTNER_RESOURCE_JSON_INGEST" | "PARTNER_RESOURCE_BATCH_PATCH" | "PARTNER_RESOURCE_BATCH_DELETE"',
        ours: '"PARTNER_RESOURCE_JSON_INGEST" | "PARTNER_RESOURCE_BATCH_PATCH" | "PARTNER_RESOURCE_BATCH_DELETE" | ...',
        at: fields([batchData], "batchType")
      }
    ]
  },
  {
    id: "basic-auth-by-the-client",
    page: "Pocketflows asks for HTTP Basic.",
    declared: "No security scheme.",
    reason: "The client adds the credentials to every request, as Reach's, whose pages declare none.",
    differences: [{ facet: "security", theirs: "http basic", ours: "none", at: within(update, "endpoint") }]
  },
  {
    id: "guide-silent-on-requiredness",
    page: "The guide names most of a batch status's fields, and one parameter, without saying whether they are always there.",
    declared: "`batchId` is required, the others are optional.",
    reason:
      "Without it nobody knows which batch is meant; that a batch is finished can be told by its status, its time of completion or its counts.",
    differences: [
      { facet: "required", theirs: "unsaid", ours: "yes", at: fields([batchData], "batchId") },
      {
        facet: "required",
        theirs: "unsaid",
        ours: "no",
        at: [
          ...within(status, "query includePendingDetails", "200 data"),
          ...fields([batchData], "status", "batchType", "progress", "completedAt", "errors"),
          ...counts.filter((at) => !at.endsWith(".pendingRecords")),
          ...fields([batchData], "errors.summary", "errors.details", "errors.message"),
          ...fields(
            [pending],
            "id",
            "resourceExternalId",
            "schemaDefinitionId",
            "missingDependencies",
            "expiresAt",
            "createdAt",
            "schemaName"
          )
        ]
      }
    ]
  },
  {
    id: "guide-silent-on-null",
    page: "The guide does not say which fields of a batch status may be null.",
    declared: "The optional ones may, except `data`; the items of lists that have a shape may not.",
    reason: "A batch that is not completed has no time of completion, and null is one way to say so.",
    differences: [
      {
        facet: "null",
        theirs: "unsaid",
        ours: "yes",
        at: [
          progress,
          ...counts,
          ...texts,
          ...fields(
            [batchData],
            "status",
            "batchType",
            "errors",
            "errors.summary",
            "errors.details",
            "pendingResources"
          ),
          ...fields([pending], "missingDependencies", "missingDependencies[]")
        ]
      },
      {
        facet: "null",
        theirs: "unsaid",
        ours: "no",
        at: [...within(status, "200", "200 data", "404"), ...fields([batchData], "batchId"), pending]
      }
    ]
  },
  {
    id: "guide-silent-on-types",
    page: "The guide names these fields without their types.",
    declared: "Ids, names and times are texts; dependencies that are missing can be anything.",
    reason: "So they are in Reach's other answers. Times are texts there too, and are not parsed.",
    differences: [
      { facet: "type", theirs: "unsaid", ours: "string", at: texts },
      { facet: "type", theirs: "unsaid", ours: "any", at: fields([pending], "missingDependencies[]") }
    ]
  },
  {
    id: "batch-errors-unknown",
    page: "The guide shows `errors.summary` and `errors.details` as objects, and the fields of neither.",
    declared: "They can be anything.",
    reason: "A shape that nobody documents must not make a batch status unreadable.",
    differences: [
      { facet: "type", theirs: "object", ours: "any", at: fields([batchData], "errors.summary", "errors.details") },
      { facet: "extra", theirs: "allowed", ours: "-", at: fields([batchData], "errors.summary", "errors.details") }
    ]
  },
  {
    id: "batch-status-envelope",
    page: "The guide shows `data` only, and no body of a 404.",
    declared: "`success` and `message` beside `data`, and the 404 of Reach's other endpoints.",
    reason: "All of Reach's reference pages have this envelope.",
    differences: [
      {
        facet: "row",
        theirs: "absent",
        ours: "required: no, type: boolean, null: no",
        at: within(status, "200 success")
      },
      {
        facet: "row",
        theirs: "absent",
        ours: "required: yes, type: boolean, null: no",
        at: within(status, "404 success")
      },
      {
        facet: "row",
        theirs: "absent",
        ours: "required: no, type: string, null: yes",
        at: within(status, "200 message")
      },
      {
        facet: "row",
        theirs: "absent",
        ours: "required: no, type: string, null: no",
        at: within(status, "404 message")
      },
      {
        facet: "row",
        theirs: "absent",
        ours: "required: no, type: object, null: no, extra: refused",
        at: within(status, "404 data")
      },
      {
        facet: "row",
        theirs: "absent",
        ours: "required: yes, type: string, null: no",
        at: within(status, "404 data.error")
      },
      { facet: "type", theirs: "unsaid", ours: "object", at: within(status, "404") },
      { facet: "extra", theirs: "-", ours: "refused", at: within(status, "404") }
    ]
  }
]

const hasNamedFields = (places: ReadonlyArray<string>, place: string): boolean =>
  places.some((other) => other.startsWith(`${place}.`) || (/^(\d+|body)$/.test(place) && other.startsWith(`${place} `)))

/** Every object of the contract that names its fields. */
const objects = (contracts: Tables): ReadonlyArray<string> =>
  [...contracts].flatMap(([endpoint, table]) => {
    const places = [...table.keys()]
    return within(
      endpoint,
      ...places.filter((place) => table.get(place)?.type === "object" && hasNamedFields(places, place))
    )
  })

/** All deviations from the given contracts. */
export const deviations = (contracts: Tables): ReadonlyArray<Deviation> => [
  ...declared,
  {
    id: "extra-fields",
    page: "No object is closed: fields that are not named are allowed.",
    declared: "Every object with named fields is closed, in the OpenAPI document only.",
    reason:
      "The generator closes every struct, whatever reading does. Extra fields of an answer are passed over, which the schemas' own tests show.",
    differences: [{ facet: "extra", theirs: "allowed", ours: "refused", at: objects(contracts) }]
  }
]
