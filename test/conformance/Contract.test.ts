/**
 * The vendors' contracts, as written down from their pages, against the OpenAPI documents that the
 * declared endpoints generate.
 */
import { assert, describe, it } from "@effect/vitest"
import { OpenApi } from "effect/http-api"
import { PocketflowsApi } from "../../src/pocketflows/PocketflowsApi.ts"
import { ReachApi } from "../../src/reach/ReachApi.ts"
import * as Document from "./Document.ts"
import { deviations, locate } from "./deviations.ts"
import * as Notation from "./Notation.ts"
import { pocketflowsContract } from "./PocketflowsContract.ts"
import { reachContract } from "./ReachContract.ts"
import * as Table from "./Table.ts"

const theirs: Table.Tables = new Map([...Notation.toTables(reachContract), ...Notation.toTables(pocketflowsContract)])
const documents = { reach: OpenApi.fromApi(ReachApi), pocketflows: OpenApi.fromApi(PocketflowsApi) }
const declared: Table.Tables = new Map(Object.values(documents).flatMap((document) => [...Document.toTables(document)]))

const line = (at: string, difference: Omit<Table.Difference, "at" | "facet"> & { readonly facet: string }): string =>
  `${at}: ${difference.facet}: theirs ${difference.theirs}, ours ${difference.ours}`

const none: Table.Table = new Map()

/** The differences of an endpoint as lines, each with its place. */
const differencesOf = (endpoint: string, ours: Table.Tables): ReadonlyArray<string> =>
  Table.differences(theirs.get(endpoint) ?? none, ours.get(endpoint) ?? none).map((difference) =>
    line(locate(endpoint, difference.at), difference)
  )

const listed = deviations(theirs).flatMap(({ differences, id }) =>
  differences.flatMap((difference) => difference.at.map((at) => ({ id, line: line(at, difference) })))
)
const listedLines = new Set(listed.map((entry) => entry.line))

const endpoints = (ours: Table.Tables): ReadonlyArray<string> => [...new Set([...theirs.keys(), ...ours.keys()])]

const unlisted = (endpoint: string, ours: Table.Tables): ReadonlyArray<string> =>
  differencesOf(endpoint, ours).filter((difference) => !listedLines.has(difference))

const gone = (ours: Table.Tables): ReadonlyArray<string> => {
  const found = new Set(endpoints(ours).flatMap((endpoint) => differencesOf(endpoint, ours)))
  return listed.filter((entry) => !found.has(entry.line)).map((entry) => `${entry.id}: ${entry.line}`)
}

describe("the declared endpoints are the vendors', but for the listed deviations", () => {
  for (const endpoint of endpoints(declared)) {
    it(endpoint, () => {
      assert.deepStrictEqual(unlisted(endpoint, declared), [])
    })
  }

  it("every listed deviation is there, has its own name and is listed once", () => {
    assert.deepStrictEqual(gone(declared), [])
    const ids = deviations(theirs).map(({ id }) => id)
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.strictEqual(listedLines.size, listed.length)
  })
})

describe("the contract holds as much as the pages, counted by hand", () => {
  const counts: ReadonlyArray<
    readonly [endpoint: string, parameters: number, sent: number, answers: { readonly [status: string]: number }]
  > = [
    ["POST /api/resources/customers", 3, 10, { 200: 26, 400: 3, 404: 4 }],
    ["PATCH /api/resources/customers/{externalId}", 3, 10, { 200: 51, 400: 3, 404: 4 }],
    ["PATCH /api/resources/customers/batch", 2, 10, { 202: 7, 400: 3, 404: 4 }],
    ["GET /api/batches/{batchId}", 3, 0, { 200: 28, 404: 0 }],
    ["POST /businesses/{id}/customers/batch_update", 1, 6, { 200: 8 }]
  ]

  it("endpoints", () => {
    assert.sameMembers(
      [...theirs.keys()],
      counts.map(([endpoint]) => endpoint)
    )
  })

  for (const [endpoint, parameters, sent, answers] of counts) {
    it(endpoint, () => {
      const places = [...(theirs.get(endpoint) ?? none).keys()]
      const fields = (root: string): number =>
        places.filter((place) => place.startsWith(`${root} `) && !place.endsWith("[]")).length
      assert.strictEqual(places.filter((place) => /^(path|query|header) /.test(place)).length, parameters)
      assert.strictEqual(fields("body"), sent)
      const statuses = places.filter((place) => /^\d+$/.test(place))
      assert.deepStrictEqual(Object.fromEntries(statuses.map((status) => [status, fields(status)])), answers)
    })
  }
})

describe("no change of a declaration goes unnoticed", () => {
  type Json = { [key: string]: Json }
  const create = "POST /api/resources/customers"
  const createdField = "properties.data.properties"
  const answer = "paths./api/resources/customers.post.responses.200.content.application/json.schema"
  const body = "paths./api/resources/customers.post.requestBody.content.application/json.schema"

  /** Changes what is at a path of the document, where `/` belongs to a key and `.` does not. */
  const at = (document: Json, path: string, change: (parent: Json, key: string) => void): void => {
    const keys = path.split(".")
    const last = keys.pop() ?? ""
    const parent = keys.reduce((value, key) => {
      const next = value[key]
      if (next === undefined) throw new Error(`Nothing at ${key} of ${path}`)
      return next
    }, document)
    if (!(last in parent)) throw new Error(`Nothing at ${path}`)
    change(parent, last)
  }
  const drop = (parent: Json, key: string): void => {
    delete parent[key]
  }
  const set =
    (value: unknown) =>
    (parent: Json, key: string): void => {
      Object.assign(parent, { [key]: value })
    }
  const rename =
    (name: string) =>
    (parent: Json, key: string): void => {
      Object.assign(parent, { [name]: parent[key] })
      delete parent[key]
    }

  const changes: ReadonlyArray<
    readonly [what: string, path: string, change: (parent: Json, key: string) => void, noticed: string]
  > = [
    [
      "a field is dropped",
      `${body}.${createdField}.email`,
      drop,
      "body data.email: row: theirs required: no, type: string"
    ],
    ["a required field becomes optional", `${body}.required`, set([]), "body data: required: theirs yes, ours no"],
    ["a status changes", "paths./api/resources/customers.post.responses.200", rename("201"), "200: row: theirs media"],
    [
      "a type changes",
      `${answer}.properties.success.type`,
      set("string"),
      "200 success: type: theirs boolean, ours string"
    ],
    ["a format goes", `${answer}.${createdField}.id.anyOf.0.format`, drop, "200 data.id: format: theirs uuid, ours -"],
    [
      "null is allowed",
      `${body}.${createdField}.firstName.type`,
      set(["string", "null"]),
      "body data.firstName: null: theirs no, ours yes"
    ],
    [
      "a field is added",
      `${answer}.properties.success`,
      (parent) => set({ type: "string" })(parent, "more"),
      "200 more: row: theirs absent"
    ],
    [
      "a parameter moves",
      "paths./api/resources/customers.post.parameters.0.in",
      set("query"),
      "header reach-tenant-id: row"
    ],
    [
      "a parameter becomes required",
      "paths./api/resources/customers.post.parameters.0.required",
      set(true),
      "header reach-tenant-id: required"
    ],
    [
      "a default changes",
      "paths./api/resources/customers.post.parameters.1.schema.default",
      set("reject"),
      "query onconflict: default"
    ],
    [
      "an enum grows",
      "paths./api/resources/customers.post.parameters.1.schema.enum",
      set(["upsert", "reject", "skip"]),
      "query onconflict: values"
    ],
    ["the method changes", "paths./api/resources/customers.post", rename("put"), "endpoint: row"],
    ["the path changes", "paths./api/resources/customers", rename("/api/customers"), "endpoint: row"],
    ["the server changes", "servers.0.url", set("https://example.com"), "endpoint: server"]
  ]

  for (const [what, path, change, noticed] of changes) {
    it(what, () => {
      const document: Json = JSON.parse(JSON.stringify(documents.reach))
      at(document, path, change)
      const found = unlisted(create, Document.toTables(document))
      assert.isTrue(
        found.some((difference) => difference.startsWith(locate(create, noticed))),
        `${noticed} is not among\n${found.join("\n")}`
      )
    })
  }

  it("a deviation that is gone is named", () => {
    const document: Json = JSON.parse(JSON.stringify(documents.reach))
    at(document, "paths./api/resources/customers.post.requestBody.required", drop)
    const ours: Table.Tables = new Map([...declared, ...Document.toTables(document)])
    const before = gone(declared)
    const after = gone(ours).filter((deviation) => !before.includes(deviation))
    assert.deepStrictEqual(after, [
      "body-required: POST /api/resources/customers -> body: required: theirs no, ours yes"
    ])
  })
})
