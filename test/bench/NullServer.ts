/**
 * A server that takes everything and does nothing, in a process of its own: Reach's batch patch, and
 * Elasticsearch's `_bulk`. It counts the records that it was sent, so that a contender that drops some is found out.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** What the server saw since it was last asked. */
export interface Counts {
  readonly requests: number
  readonly records: number
  /** Milliseconds from a request's head to its answer, on average. */
  readonly latency: number
  /** Milliseconds from the first request's head to the last answer. */
  readonly busy: number
}

const latency = Number(process.argv[2] ?? 0)

// Every record has it once, and no value holds it. Looking for it is far cheaper than parsing.
const mark = Buffer.from('"customerId":')

const countRecords = (body: Buffer): number => {
  let count = 0
  for (let at = body.indexOf(mark); at !== -1; at = body.indexOf(mark, at + mark.length)) count++
  return count
}

let requests = 0
let records = 0
let waited = 0
let first = 0
let last = 0

const server = createServer((request, response) => {
  const { url = "" } = request
  const arrived = performance.now()
  if (first === 0 && url !== "/counts") first = arrived
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    if (url === "/counts") {
      response.end(
        JSON.stringify({ requests, records, latency: waited / requests, busy: last - first } satisfies Counts)
      )
      first = 0
      requests = 0
      records = 0
      waited = 0
      return
    }
    const count = countRecords(Buffer.concat(chunks))
    requests++
    records += count
    const isBulk = url.startsWith("/_bulk")
    const isBatch = url.startsWith("/api/resources/customers/batch")
    const answer = isBulk
      ? '{"took":0,"errors":false,"items":[]}'
      : !isBatch
        ? '{"success":true,"data":{"result":{"resourceExternalId":"customer-1"}}}'
        : `{"success":true,"data":{"batchId":"b-${requests}","message":"taken","recordCount":${count},"schemaDefinitionId":"s"}}`
    const headers = {
      "content-type": isBulk ? "application/vnd.elasticsearch+json;compatible-with=9" : "application/json",
      "content-length": answer.length,
      // Without it, the client of Elasticsearch takes the server for another product.
      ...(isBulk ? { "x-elastic-product": "Elasticsearch" } : {})
    }
    const send = () => {
      last = performance.now()
      waited += last - arrived
      response.writeHead(isBatch ? 202 : 200, headers).end(answer)
    }
    // The body is taken in while the time runs, as it is by a vendor.
    const rest = latency - (performance.now() - arrived)
    if (rest > 0) setTimeout(send, rest)
    else send()
  })
})

// A connection must not be closed between two rounds.
server.keepAliveTimeout = 600_000

server.listen(0, "127.0.0.1", () => {
  // An address of a server that listens on a port is no string.
  const { port } = server.address() as AddressInfo
  process.stdout.write(`http://127.0.0.1:${port}\n`)
})
process.on("disconnect", () => process.exit(0))
