import { Effect } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"

/** One answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any
}

export const bearer = { authorization: "Bearer any" }
export const basic = { authorization: `Basic ${btoa("user:secret")}` }

/** Sends JSON (or text as it is) and reads the answer, as JSON where it is JSON. */
export const send = Effect.fnUntraced(function* (
  method: "GET" | "POST" | "PATCH",
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = path.startsWith("/businesses/") ? basic : bearer
) {
  const client = yield* HttpClient.HttpClient
  const payload = body === undefined ? HttpBody.empty : HttpBody.text(asText(body), "application/json")
  const response = yield* client.execute(
    HttpClientRequest.make(method)(`https://vendor.test${path}`, { headers, body: payload })
  )
  const text = yield* response.text
  const isJson = response.headers["content-type"]?.startsWith("application/json") === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text } as Answer
})

const asText = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body))

export const patchBatch = (resources: ReadonlyArray<unknown>, query = "", headers: Record<string, string> = bearer) =>
  send("PATCH", `/api/resources/customers/batch${query}`, { resources }, headers)

export const updateCustomers = (customers: ReadonlyArray<unknown>, business = "b-1") =>
  send("POST", `/businesses/${business}/customers/batch_update`, { customers })

export const ada = { customerId: "c-1", firstName: "Ada", lastName: "Lovelace", createdAt: "2024-01-15T10:30:00Z" }
