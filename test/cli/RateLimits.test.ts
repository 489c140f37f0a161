/** The command against servers that refuse, each in its way, over a socket. */
import { readFileSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SyncReport } from "../../src/index.ts"
import { fixedWindow, noisy, type Server, seeded, slidingWindow } from "../policy/LimitSimulation.ts"
import * as ScriptedServer from "../support/ScriptedServer.ts"
import * as Command from "./Command.ts"

// The soak sends more.
const soak = process.env.SOAK === undefined ? 1 : 5

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(SyncReport.SyncReport))

/** A 429. */
interface Refusal {
  readonly headers: Record<string, string>
}

interface Vendor {
  /** How a batch of so many records is refused; `undefined` accepts it. `inFlight` counts it, too. */
  readonly refuse: (now: number, records: number, inFlight: number) => Refusal | undefined
  /** Milliseconds. */
  readonly takes?: number
  /** Told with each answer. */
  readonly headers?: (now: number) => Record<string, string>
}

const plainly: Refusal = { headers: {} }

const by = (server: Server): Vendor => ({ refuse: (now) => (server(now) ? undefined : plainly) })

const send = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string>) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

const bodyOf = async (request: IncomingMessage) => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString("utf8"))
}

/** Reach's batch endpoint, as far as a run needs it. */
const serve = ({ headers = () => ({}), refuse, takes = 20 }: Vendor) => {
  const accepted = new Map<string, number>()
  const seen = { requests: 0, refused: 0, accepted }
  let inFlight = 0
  const began = performance.now()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { resources } = await bodyOf(request)
    const now = performance.now() - began
    seen.requests++
    inFlight++
    const refusal = refuse(now, resources.length, inFlight)
    if (refusal === undefined) {
      for (const { customerId } of resources) accepted.set(customerId, (accepted.get(customerId) ?? 0) + 1)
    } else seen.refused++
    setTimeout(() => {
      inFlight--
      const told = headers(performance.now() - began)
      if (refusal !== undefined) return send(response, 429, {}, { ...told, ...refusal.headers })
      const data = {
        batchId: `b-${seen.requests}`,
        message: "accepted",
        recordCount: resources.length,
        schemaDefinitionId: "3c90c3cc-0d44-4b50-8888-8dd25736052a"
      }
      return send(response, 202, { success: true, data }, told)
    }, takes)
  }
  return Effect.map(
    ScriptedServer.serve((request, response) => void answer(request, response)),
    ({ url }) => ({ url, seen })
  )
}

/** Sends so many records, and checks that each arrived once. */
const run = (vendor: Vendor, count: number, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { seen, url } = yield* serve(vendor)
    const folder = yield* Command.folder
    const ids = Array.from({ length: count }, (_, i) => `c-${i}`)
    writeFileSync(
      join(folder, "c.ndjson"),
      ids.map((customerId, i) => `${JSON.stringify({ customerId, lastName: "x".repeat((i % 50) * 4) })}\n`).join("")
    )
    const { code, stderr, stdout } = yield* Command.run(
      [
        ...["sync", "c.ndjson", "--to", "reach.batch-patch", "--tenant", "acme", "--settle", "accepted"],
        ...["--progress", "none", ...args]
      ],
      { cwd: folder, env: { REACH_TOKEN: "t", REACH_BASE_URL: url } }
    )
    assert.strictEqual(code, 0, stderr)
    assert.deepStrictEqual([...seen.accepted.keys()].sort(), [...ids].sort())
    assert.isTrue(
      [...seen.accepted.values()].every((times) => times === 1),
      "each once"
    )
    return { folder, seen, stderr, stdout }
  })

/** The same, and checks that the report counts what the server counted. */
const deliver = (vendor: Vendor, count: number, args: ReadonlyArray<string> = ["--batch-records", "1"]) =>
  Effect.map(run(vendor, count, ["--report", "-", ...args]), ({ seen, stderr, stdout }) => {
    const report = decodeReport(stdout)
    assert.strictEqual(report.read, count)
    assert.strictEqual(report.outcomes.Accepted, count)
    assert.deepStrictEqual([report.requests, report.retries], [seen.requests, seen.refused])
    return { report, seconds: report.elapsed / 1000, seen, stderr }
  })

const timeout = 120_000 * soak

const inFlight = 8
// The search doubles twice a second from 10, so that 400 a second are reached after some three seconds.
const searchSeconds = 8

/**
 * Seconds that so many requests may take of a server that allows so many a second: thrice of what is possible, on a
 * machine as busy as this one was in that run.
 */
const longest = ({ durations, requests }: SyncReport.SyncReport, perSecond = Number.POSITIVE_INFINITY) =>
  searchSeconds + 3 * requests * Math.max(1 / perSecond, durations.p90 / 1000 / inFlight)

// Where a request takes longer, the machine is too busy for a limit to be met twice in so short a run.
const calm = 100

describe.concurrent("patchbay sync, against a server that", () => {
  it.live(
    "allows 20 a second: it is found, said, and what to add next time",
    () =>
      Effect.gen(function* () {
        const limit = 20
        // It takes some ten seconds until it has been met often enough.
        const count = 350 * soak
        const limited = () => by(slidingWindow(() => limit))
        const [{ report, seconds, stderr }, page] = yield* Effect.all(
          [deliver(limited(), count), run(limited(), count, ["--report", "r.html", "--batch-records", "1"])],
          { concurrency: 2 }
        )
        assert.isBelow(seconds, longest(report, limit))
        assert.isUndefined(report.found?.background)
        if (report.durations.p90 > calm) return
        assert.closeTo(report.found?.limit?.perSecond ?? 0, limit, 0.1 * limit, JSON.stringify(report))
        assert.match(
          stderr,
          /\n\nA limit of about \d+ requests a (second|minute) was found, which nobody had told. To start with it next time, add --rate-limit \d+\/1[sm]\.\n$/
        )
        assert.match(page.stdout, /^rate limit +found a limit of about [\d,]+ requests a (second|minute)$/m)
        const html = readFileSync(join(page.folder, "r.html"), "utf8")
        assert.match(
          html,
          /<dt>Rate limit<\/dt><dd>found a limit of about [\d,]+ requests a (second|minute)<\/dd>\n<dt>Next time<\/dt><dd>add --rate-limit \d+\/1[sm]<\/dd>/
        )
        const [, option = "", value = ""] = /add (\S+) (\S+)\.\n$/.exec(stderr) ?? []
        const next = yield* deliver(by(slidingWindow(() => 1.2 * limit)), 40, ["--batch-records", "1", option, value])
        assert.strictEqual(next.seen.refused, 0, "what was said can be typed, and keeps the limit")
        assert.isUndefined(next.report.found)
        assert.notInclude(next.stderr, "was found")
      }),
    timeout
  )

  it.live(
    "refuses 5 % at random, without a limit: they are sent again, and no more",
    () =>
      Effect.gen(function* () {
        const count = 600 * soak
        const { report, seconds } = yield* deliver(by(noisy(() => 0.05, seeded(5))), count)
        assert.isBelow(seconds, longest(report))
        assert.isUndefined(report.found?.limit)
      }),
    timeout
  )

  it.live(
    "refuses one in a hundred, each with Retry-After: 1, which everyone obeys",
    () =>
      Effect.gen(function* () {
        const count = 400 * soak
        let asked = 0
        const { report, seconds, seen } = yield* deliver(
          { refuse: () => (++asked % 100 === 0 ? { headers: { "retry-after": "1" } } : undefined) },
          count
        )
        assert.isAtLeast(report.waits.paused ?? 0, 900 * Math.max(1, seen.refused - 1))
        assert.isBelow(seconds, 2 * seen.refused + longest(report))
      }),
    timeout
  )

  it.live(
    "allows 100 a second, of which another client takes half",
    () =>
      Effect.gen(function* () {
        const count = 400 * soak
        const allows = slidingWindow(() => 100)
        let next = 0
        const other = { asked: 0, kept: 0 }
        const { report, seconds } = yield* deliver(
          by((now) => {
            for (; next <= now; next += 20) {
              other.asked++
              if (allows(next)) other.kept++
            }
            return allows(now)
          }),
          count
        )
        assert.isBelow(seconds, longest(report, 50))
        assert.isAbove(other.kept, 0.6 * other.asked)
      }),
    timeout
  )

  it.live(
    "allows four in flight, where eight may be",
    () =>
      Effect.gen(function* () {
        const count = 400 * soak
        const { report, seconds } = yield* deliver(
          { takes: 50, refuse: (_, __, inFlight) => (inFlight > 4 ? plainly : undefined) },
          count
        )
        assert.isBelow(seconds, longest(report, 80))
      }),
    timeout
  )

  it.live(
    "counts records, in batches of mixed sizes",
    () =>
      Effect.gen(function* () {
        const count = 4000 * soak
        let log: Array<readonly [at: number, records: number]> = []
        const refuse = (now: number, records: number) => {
          log = log.filter(([at]) => at > now - 1000)
          if (log.reduce((sum, [, records]) => sum + records, records) > 500) return plainly
          log.push([now, records])
          return undefined
        }
        const { report, seconds, seen } = yield* deliver({ refuse }, count, ["--batch-bytes", "1500"])
        assert.isAbove(seen.requests, count / 50, "batches are small")
        assert.isBelow(seconds, longest(report, seen.requests / (count / 500)))
      }),
    timeout
  )

  it.live(
    "has a quota for two seconds, and tells in headers what is left of it",
    () =>
      Effect.gen(function* () {
        const count = 400 * soak
        const quota = 100
        let window = -1
        let used = 0
        const { report, seconds, seen } = yield* deliver(
          {
            refuse: (now) => {
              if (Math.floor(now / 2000) !== window) {
                window = Math.floor(now / 2000)
                used = 0
              }
              return ++used > quota ? plainly : undefined
            },
            headers: (now) => ({
              "x-ratelimit-limit": String(quota),
              "x-ratelimit-remaining": String(Math.max(0, quota - used)),
              "x-ratelimit-reset": String(Math.ceil((2000 - (now % 2000)) / 1000))
            })
          },
          count
        )
        assert.isBelow(seen.refused, 0.2 * seen.requests)
        assert.isAbove(report.waits.quota ?? 0, 0)
        assert.isBelow(seconds, longest(report, quota / 2))
      }),
    timeout
  )

  it.live(
    "refuses the first five with a Retry-After that says nothing, then none",
    () =>
      Effect.gen(function* () {
        const count = 400 * soak
        const says = ["soon", "", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "1e9999"]
        let asked = 0
        const { report, seconds, seen } = yield* deliver(
          {
            refuse: () => {
              const retryAfter = says[asked++]
              return retryAfter === undefined ? undefined : { headers: { "retry-after": retryAfter } }
            }
          },
          count
        )
        assert.strictEqual(seen.refused, 5)
        assert.isUndefined(report.found, "five say nothing of a rate")
        assert.isBelow(seconds, 5 + longest(report))
      }),
    timeout
  )

  it.live("refuses nothing: nothing is said of a limit", () =>
    Effect.gen(function* () {
      const { report, stderr } = yield* deliver(by(fixedWindow(() => Number.POSITIVE_INFINITY)), 100)
      assert.isUndefined(report.found)
      assert.notInclude(stderr, "limit")
    })
  )
})
