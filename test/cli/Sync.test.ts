import { existsSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SyncReport } from "../../src/index.ts"
import { Fault, SandboxServer } from "../../src/sandbox/index.ts"
import * as Golden from "./Golden.ts"
import * as World from "./World.ts"

const decodeReport = Schema.decodeUnknownSync(SyncReport.SyncReport)

/** What differs from run to run. */
const times = [
  [/\d+(?:\.\d+)? m?s\b/g, "TIME"],
  [/[\d,]+ records\/s/g, "N records/s"],
  // Whether there is a wait is a matter of time, too.
  [/waited: .*\n/g, ""]
] as const

layer(
  SandboxServer.layer({
    keepBodies: true,
    reach: {
      naming: "none",
      unknownCustomer: "fail",
      queue: { delay: "20 millis" },
      refuse: ({ email }) => (email === "no@example.com" ? "not welcome" : undefined)
    }
  }),
  { excludeTestServices: true }
)("patchbay sync", (it) => {
  it.effect("sends what the options say, how they say it, and prints the report and nothing else", () =>
    Effect.gen(function* () {
      const { env, patchbay, sandbox, url, write } = yield* World.make
      yield* sandbox.seedReach(
        "acme",
        ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6"].map((customerId) => ({ customerId }))
      )
      write(
        "customers.txt",
        "ID,E-Mail,firstName,shoe size\nc-1,1@example.com,Al,38\nc-2,2@example.com,Zoë,39\nc-3,,Ada,40\nc-4,4@example.com,Di,41\nc-5,5@example.com,Bo,42\nc-6,,Eva,43\n"
      )
      const { code, stderr, stdout } = yield* patchbay(
        [
          ...["sync", "customers.txt", "--to", "reach.batch-patch", "--tenant", "acme", "--base-url", url],
          ...["--format", "csv", "--map", "customerId=ID", "--map", "email=E-Mail", "--empty", "null"],
          ...["--ignore-unknown-fields", "--batch-records", "2", "--batch-bytes", "5000", "--same-key", "split"],
          ...["--isolate", "none", "--settle", "applied", "--concurrency", "adaptive", "--rate-limit", "500/1s"],
          ...["--retry-for", "1m", "--timeout", "5s", "--progress", "none"]
        ],
        { env: { ...env, REACH_BASE_URL: "https://127.0.0.1:1" } }
      )
      assert.strictEqual(stderr, "Done: 6 records, and none is left over.\n")
      assert.strictEqual(code, 0)
      Golden.check("sync-report", stdout, times)
      assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-2"), {
        customerId: "c-2",
        email: "2@example.com",
        firstName: "Zoë"
      })
      const sent = (yield* sandbox.requests).filter(({ method }) => method === "PATCH")
      assert.deepStrictEqual(
        sent.map(({ body, headers, query }) => [
          JSON.parse(body ?? "").resources.length,
          headers["reach-tenant-id"],
          query
        ]),
        [1, 2, 3].map(() => [2, "acme", "?ignoreUnknownFields=true"])
      )
      assert.include(sent[1]?.body, '"email":null', "an empty cell deletes, as --empty null says")
    })
  )

  it.effect("--limit sends the first records, and the same without it goes on behind them", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      const ids = Array.from({ length: 5 }, (_, index) => `c-${index}`)
      yield* sandbox.seedReach(
        "acme",
        ids.map((customerId) => ({ customerId }))
      )
      write("customers.csv", `customerId,firstName\n${ids.map((id) => `${id},Ada\n`).join("")}`)
      const written = Effect.map(sandbox.writes, ({ length }) => length)
      const common = ["sync", "customers.csv", "--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]

      const tried = yield* patchbay([...common, "--limit", "2"])
      assert.strictEqual(tried.code, 0)
      assert.match(tried.stdout, /stopped by +Limit/)
      assert.strictEqual(
        tried.stderr,
        `No more than 2 records were taken up, because --limit says so. The position was not kept, so that the same without it starts from the first record:\n\n  patchbay ${common.join(" ")}\n`
      )
      assert.strictEqual(yield* written, 2)

      const kept = [...common, "--checkpoint", "kept"]
      const first = yield* patchbay([...kept, "--limit=2"])
      assert.include(first.stderr, `The same without it goes on behind them:\n\n  patchbay ${kept.join(" ")}\n`)
      const rest = yield* patchbay(kept)
      assert.strictEqual(rest.stderr, "Done: 5 records, and none is left over.\n")
      assert.strictEqual(yield* written, 2 + 5)

      const planned = yield* patchbay([...common, "--limit", "3", "--dry-run"])
      assert.match(planned.stdout, /records read +3\n/)
    })
  )

  it.effect("reads standard input, and passes the report on as JSON: pocketflows.batch-update", () =>
    Effect.gen(function* () {
      const { env, patchbay, sandbox, url, write } = yield* World.make
      yield* sandbox.seedPocketflows("b-1", [{ id: "p-1" }, { id: "p-2" }])
      write(".env", `POCKETFLOWS_USERNAME=me\nPOCKETFLOWS_PASSWORD='do-not-print-me'\nPOCKETFLOWS_BASE_URL=${url}\n`)
      const { POCKETFLOWS_BASE_URL: _, ...rest } = env
      const { code, stderr, stdout } = yield* patchbay(
        [
          ...["sync", "-", "--format", "ndjson", "--to", "pocketflows.batch-update", "--business", "b-1"],
          ...["--env-file", ".env", "--report", "-", "--same-key", "merge", "--progress", "plain"]
        ],
        {
          env: rest,
          stdin: '{"id":"p-1","full_name":"Zoë"}\n{"id":"p-2","full_name":"Ada"}\n{"id":"p-1","phone_number":"+1"}\n'
        }
      )
      assert.strictEqual(code, 0, stderr)
      const report = decodeReport(JSON.parse(stdout))
      assert.deepInclude(report.outcomes, { Applied: 2, Merged: 1 })
      assert.strictEqual(stdout.trim().split("\n").length, 1)
      assert.deepInclude((yield* sandbox.pocketflowsCustomers("b-1")).get("p-1"), {
        full_name: "Zoë",
        phone_number: "+1"
      })
      assert.match(stderr, /^standard input: .*3 of 3 records/)
    })
  )

  it.effect("reach.create --on-conflict reject refuses who exists: exit 1, and says what to type next", () =>
    Effect.gen(function* () {
      const { patchbay, read, sandbox, write } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }])
      const columns = "customerId,createdAt,firstName,lastName,email"
      write(
        "new customers.csv",
        `${columns}\nc-1,2024-01-15T10:30:00Z,Ada,Lovelace,\nc-2,2024-01-15T10:30:00Z,Zoë,Zed,\nc-3,yesterday,Bo,Bee,\n`
      )
      const { code, stderr, stdout } = yield* patchbay([
        ...[
          "sync",
          "new customers.csv",
          "--to",
          "reach.create",
          "--tenant",
          "acme",
          "--on-conflict",
          "reject",
          "--progress",
          "none"
        ],
        ...["--dead-letters", "it's dead.ndjson", "--report", "report.json", "--concurrency", "2"],
        ...["--rate-limit", "600/m", "--timeout", "1500ms"]
      ])
      assert.strictEqual(code, 1)
      Golden.check("sync-rejected", `${stdout}\n${stderr}`, times)
      assert.deepInclude(decodeReport(JSON.parse(read("report.json"))).outcomes, { Applied: 1, Rejected: 2 })
      assert.include((yield* sandbox.requests)[0]?.query, "onconflict=reject")
      assert.deepStrictEqual(
        read("it's dead.ndjson")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line).offset)
          .sort(),
        [0, 2]
      )
    })
  )

  it.effect("an HTML report is one page with the command that comes next", () =>
    Effect.gen(function* () {
      const { patchbay, read, sandbox, write } = yield* World.make
      yield* sandbox.seedReach("acme", [{ customerId: "c-1" }])
      write("c.ndjson", '{"customerId":"c-1"}\n{"customerId":"c-unknown"}\n')
      const { code, stderr } = yield* patchbay([
        ...[
          "sync",
          "c.ndjson",
          "--to",
          "reach.patch",
          "--tenant",
          "acme",
          "--dead-letters",
          "d.ndjson",
          "--report",
          "r.html"
        ]
      ])
      assert.strictEqual(code, 1)
      assert.include(stderr, "1 record was rejected.")
      const page = read("r.html")
      assert.match(page, /^<!doctype html>/)
      assert.include(
        page.replaceAll(/<[^>]+>/g, ""),
        "patchbay retry d.ndjson --to reach.patch --tenant acme --dead-letters d.2.ndjson"
      )
    })
  )

  it.effect(
    "--settle accepted asks no further; --isolate none rejects the good with the bad; without a file, it says so",
    () =>
      Effect.gen(function* () {
        const { patchbay, sandbox, write } = yield* World.make
        yield* sandbox.seedReach("acme", [{ customerId: "c-1" }, { customerId: "c-2" }])
        write("c.csv", "customerId,email\nc-1,a@example.com\nc-2,no@example.com\n")
        write("good.csv", "customerId,email\nc-1,a@example.com\nc-2,b@example.com\n")
        const toBatch = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]
        const [accepted, rejected] = yield* Effect.all(
          [
            patchbay(["sync", "good.csv", ...toBatch, "--settle", "accepted", "--same-key", "keep", "--report", "-"]),
            patchbay(["sync", "c.csv", ...toBatch, "--isolate", "none"])
          ],
          { concurrency: 2 }
        )
        assert.deepInclude(decodeReport(JSON.parse(accepted.stdout)).outcomes, { Accepted: 2 })
        assert.strictEqual(accepted.code, 0)
        assert.strictEqual(rejected.code, 1)
        assert.match(rejected.stdout, /rejected +2\n/)
        Golden.check("sync-not-kept", rejected.stderr)
        assert.strictEqual((yield* sandbox.requests).filter(({ method }) => method === "GET").length, 0)
      })
  )

  it.effect("--settle-for bounds the wait for a batch, and the report says which was not settled in time", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      yield* sandbox.setFaults([{ method: "GET", fault: Fault.respond({ status: 404, body: { success: false } }) }])
      write("c.csv", "customerId,email\nc-1,a@example.com\n")
      const toBatch = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none", "--settle-for", "1s"]
      const { code, stderr, stdout } = yield* patchbay(["sync", "c.csv", ...toBatch, "--dead-letters", "d.ndjson"])
      assert.strictEqual(code, 1)
      const [batch] = yield* sandbox.batches
      assert.match(stdout, /SettleDeadline +1\n/)
      assert.include(stdout.replaceAll(/ +/g, " "), `not settled 1: ${batch?.id}\n`)
      assert.match(stderr, /patchbay retry d\.ndjson .*--settle-for 1s/)
    })
  )

  it.effect("credentials that are refused stop it with 3, and the same command goes on from there", () =>
    Effect.gen(function* () {
      const { folder, patchbay, sandbox, write } = yield* World.make
      const ids = Array.from({ length: 40 }, (_, index) => `c-${index}`)
      yield* sandbox.seedReach(
        "acme",
        ids.map((customerId) => ({ customerId }))
      )
      write("c.csv", ["customerId,firstName", ...ids.map((id) => `${id},Ada`)].join("\n"))
      const args = [
        ...[
          "sync",
          "c.csv",
          "--to",
          "reach.patch",
          "--tenant",
          "acme",
          "--checkpoint",
          "kept",
          "--concurrency",
          "1",
          "--progress",
          "none"
        ],
        ...["--dead-letters", "dead.ndjson"]
      ]
      yield* sandbox.setFaults([{ method: "PATCH", after: 10, fault: Fault.respond({ status: 401 }) }])
      const stopped = yield* patchbay(args)
      assert.strictEqual(stopped.code, 3)
      Golden.check("sync-stopped", stopped.stderr, [[/\d+ records that were/g, "N records that were"]])
      assert.match(stopped.stdout, /stopped by +Unauthorized/)

      yield* sandbox.setFaults([])
      const done = yield* patchbay(args)
      assert.strictEqual(done.code, 0, done.stderr)
      assert.match(done.stdout, /records read +40\n/)
      assert.match(done.stdout, /went on from +offset \d+/)
      const customers = yield* sandbox.reachCustomers("acme")
      for (const customerId of ids) assert.deepStrictEqual(customers.get(customerId), { customerId, firstName: "Ada" })
      assert.isFalse(existsSync(join(folder, "dead.ndjson")))

      // A third time there is nothing to do, and a file that has changed is refused.
      const again = yield* patchbay([...args, "--report", "-"])
      assert.strictEqual(again.code, 0)
      assert.isTrue(decodeReport(JSON.parse(again.stdout)).nothingNew)
      Golden.check("sync-nothing-new", again.stderr)
      write("c.csv", "customerId,firstName\nc-1,Eva\n")
      const changed = yield* patchbay(args)
      assert.deepStrictEqual({ code: changed.code, stdout: changed.stdout }, { code: 2, stdout: "" })
      Golden.check("sync-changed", changed.stderr, [[/\d{4}-\d{2}-[\dT:.]+Z/g, "DATE"]])
      assert.strictEqual(statSync(join(folder, "kept")).mode & 0o777, 0o700)
    })
  )

  it.effect("what waits too long is told, and a vendor that is down stops it with 3", () =>
    Effect.gen(function* () {
      const { patchbay, sandbox, write } = yield* World.make
      write("c.csv", "customerId\nc-1\n")
      yield* sandbox.setFaults([{ method: "PATCH", fault: Fault.respond({ status: 503 }) }])
      const { code, stderr } = yield* patchbay([
        ...["sync", "c.csv", "--to", "reach.patch", "--retry-for", "200ms", "--progress", "none"]
      ])
      assert.strictEqual(code, 3)
      assert.match(stderr, /Gave up after \d+ attempts?/)
      assert.include(stderr, "--checkpoint .patchbay")
    })
  )
})
