/**
 * A sync of large records to a vendor that accepts everything, to see how many bodies are in memory.
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as BatchPolicy from "../../src/policy/BatchPolicy.ts"
import * as RateLimitPolicy from "../../src/policy/rate/RateLimitPolicy.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"
import * as ReachClient from "../../src/reach/ReachClient.ts"
import * as ReachDestination from "../../src/reach/ReachDestination.ts"
import * as CustomerRecord from "../../src/sync/model/CustomerRecord.ts"

export const perBatch = 100
/** About how many bytes a body has. */
export const size = 1000 * perBatch

const longUrl = `https://shop.example.com/${"c".repeat(900)}`

/** So many batches, with what is to be done before each record is read; 1-based. */
export const records = (batches: number, onRead: (number: number) => void) => {
  let read = 0
  return CustomerRecord.fromPatches(
    Stream.range(1, batches * perBatch, perBatch).pipe(
      Stream.map((index) => {
        onRead(++read)
        return { customerId: `c-${index}`, customerDetailUrl: longUrl }
      })
    )
  )
}

/** Answers in the process, and tells when. */
export const answering = (onAnswer: (answers: number) => void) => {
  let answers = 0
  return Layer.succeed(HttpClient.HttpClient)(
    HttpClient.make((request) =>
      Effect.delay(
        Effect.sync(() => {
          const data = { batchId: `b-${answers}`, message: "taken", recordCount: perBatch, schemaDefinitionId: "s" }
          const body = JSON.stringify({ success: true, data })
          // A server says how long its answer is.
          const headers = { "content-type": "application/json", "content-length": `${body.length}` }
          onAnswer(++answers)
          return HttpClientResponse.fromWeb(request, new Response(body, { status: 202, headers }))
        }),
        2
      )
    )
  )
}

/** Options of the sync; checkpoint and dead letters are to be added. */
export const options = {
  to: ReachDestination.batchPatch(),
  batch: BatchPolicy.make({ maxRecords: perBatch }),
  rateLimit: RateLimitPolicy.unlimited(),
  concurrency: 4,
  window: 16,
  settle: "accepted"
} as const

/** Whoever sends to the vendor, or to this URL. */
export const client = (baseUrl?: string) =>
  ReachClient.layer({ baseUrl, auth: ReachAuth.token(Redacted.make("tok"), { tenant: "acme" }) })
