/** Reach's batch patch and its status, of a vendor that settles each batch after a time: for clients, and for sockets. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** What the vendor answers: a status and its JSON. */
export interface Answer {
  readonly status: number
  readonly body: string
}

export interface SettlingVendor {
  readonly answer: (path: string, body: string, now: number) => Answer
  /** Batches so far that held a customer of another one that was unfinished. */
  readonly overlaps: () => number
}

interface Accepted {
  readonly records: number
  readonly customers: ReadonlyArray<string>
  readonly settlesAt: number
}

const customerIds = /"customerId":"([^"]*)"/g

/** A batch is applied `settle` milliseconds after it was accepted. */
export const make = (settle: number): SettlingVendor => {
  const accepted = new Map<string, Accepted>()
  // By customer: when the last batch that holds them settles.
  const unfinishedUntil = new Map<string, number>()
  let overlaps = 0
  let number = 0

  const patch = (body: string, now: number): Answer => {
    const ids = Array.from(body.matchAll(customerIds), ([, id = ""]) => id)
    const customers = [...new Set(ids)]
    const batchId = `b-${++number}`
    if (customers.some((id) => (unfinishedUntil.get(id) ?? 0) > now)) overlaps++
    for (const id of customers) unfinishedUntil.set(id, now + settle)
    accepted.set(batchId, { records: ids.length, customers, settlesAt: now + settle })
    const data = { batchId, message: "taken", recordCount: ids.length, schemaDefinitionId: "s" }
    return { status: 202, body: JSON.stringify({ success: true, data }) }
  }

  const status = (batchId: string, now: number): Answer => {
    const batch = accepted.get(batchId)
    if (batch === undefined) return { status: 404, body: "{}" }
    const isApplied = now >= batch.settlesAt
    if (isApplied) accepted.delete(batchId)
    const done = isApplied ? batch.records : 0
    const progress = {
      totalRecords: batch.records,
      processedRecords: done,
      successfulRecords: done,
      pendingRecords: batch.records - done,
      failedRecords: 0,
      successRate: 100
    }
    const data = { batchId, status: isApplied ? "success" : "processing", progress }
    return { status: 200, body: JSON.stringify({ success: true, data }) }
  }

  const statusPath = "/api/batches/"
  return {
    answer: (path, body, now) =>
      path.startsWith(statusPath) ? status(path.slice(statusPath.length), now) : patch(body, now),
    overlaps: () => overlaps
  }
}

/** Serves it on loopback, as what its own process was started for: `latency` and `settle`, in milliseconds. */
const serve = (latency: number, settle: number): void => {
  const vendor = make(settle)
  const server = createServer((request, response) => {
    const arrived = performance.now()
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const path = new URL(request.url ?? "/", "http://localhost").pathname
      if (path === "/overlaps") {
        response.end(String(vendor.overlaps()))
        return
      }
      const send = () => {
        const { body, status } = vendor.answer(path, Buffer.concat(chunks).toString(), performance.now())
        response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
        response.end(body)
      }
      setTimeout(send, Math.max(0, latency - (performance.now() - arrived)))
    })
  })
  server.keepAliveTimeout = 600_000
  server.listen(0, "127.0.0.1", () => {
    // An address of a server that listens on a port is no string.
    const { port } = server.address() as AddressInfo
    process.stdout.write(`http://127.0.0.1:${port}\n`)
  })
  process.on("disconnect", () => process.exit(0))
}

if (import.meta.main) serve(Number(process.argv[2]), Number(process.argv[3]))
