import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, SandboxServer } from "../../src/sandbox/index.ts"
import * as Golden from "./Golden.ts"
import * as World from "./World.ts"

const ids = Array.from({ length: 400 }, (_, index) => `c-${index}`)
const args = [
  ...["sync", "c.csv", "--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"],
  ...["--batch-records", "10", "--concurrency", "2", "--checkpoint", "kept", "--dead-letters", "dead.ndjson"]
]

// One row in forty is broken.
const isBroken = (index: number) => index % 40 === 7

const world = Effect.gen(function* () {
  const made = yield* World.make
  made.write(
    "c.csv",
    ["customerId,firstName", ...ids.map((id, index) => `${id},Zoë${isBroken(index) ? ",too many" : ""}`)].join("\n")
  )
  const letters = () =>
    made
      .read("dead.ndjson")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).offset)
      .sort((a, b) => a - b)
  return {
    ...made,
    patches: Effect.map(made.sandbox.requests, (all) => all.filter(({ method }) => method === "PATCH").length),
    /** What an uninterrupted run leaves. */
    checkEnd: Effect.gen(function* () {
      yield* made.sandbox.idle
      const customers = yield* made.sandbox.reachCustomers("acme")
      const good = ids.filter((_, index) => !isBroken(index))
      assert.deepStrictEqual([...customers.keys()].sort(), [...good].sort())
      for (const customerId of good) assert.deepInclude(customers.get(customerId), { customerId, firstName: "Zoë" })
      assert.deepStrictEqual(
        letters(),
        ids.flatMap((_, index) => (isBroken(index) ? [index] : []))
      )
    })
  }
})

layer(SandboxServer.layer({ reach: { queue: { delay: "10 millis" } } }), { excludeTestServices: true })(
  "patchbay sync that is interrupted",
  (it) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      it.effect(`${signal} once: what is in flight ends, all is written, exit 130; the same command goes on`, () =>
        Effect.gen(function* () {
          const { checkEnd, patchbay, patches, sandbox, start } = yield* world
          yield* sandbox.setFaults([{ method: "PATCH", fault: Fault.latency("100 millis") }])
          const running = yield* start([...args, "--report", "-"])
          yield* World.until(Effect.map(patches, (count) => count >= 4))
          yield* running.kill(signal)
          if (signal === "SIGHUP") {
            // By the shell and by the system: nobody has asked twice.
            yield* running.until(/Stopping:/)
            yield* running.kill(signal)
          }
          const { code, stderr, stdout } = yield* running.ended
          assert.strictEqual(code, 130, stderr)
          Golden.check("interrupted", stderr, [
            [/\d+ records that were/g, "N records that were"],
            [
              /\d+ records? (?:was|were) rejected\. (?:It is|They are) in dead\.ndjson, (?:each )?with (?:its|the) reason/g,
              "N records were rejected. They are in dead.ndjson, each with its reason"
            ]
          ])
          const report = JSON.parse(stdout)
          assert.strictEqual(report.stopped, "Interrupted")
          assert.strictEqual(report.outcomes.Unknown, 0, "nothing was cut off")
          assert.isAbove(report.outcomes.Applied, 0)
          const sent = yield* patches
          assert.isBelow(sent, ids.length / 10)
          assert.strictEqual(report.outcomes.Applied + report.outcomes.Unsent + report.outcomes.Rejected, report.read)

          yield* sandbox.setFaults([])
          const done = yield* patchbay(args)
          assert.strictEqual(done.code, 1, done.stderr)
          assert.match(done.stdout, /records read +400\n +applied +390\n +rejected +10\n/)
          assert.match(done.stdout, /went on from/)
          assert.strictEqual(yield* patches, 39, "no batch was sent twice")
          yield* checkEnd
        })
      )
    }

    it.effect("twice: at once, and the next run ends where one that was not interrupted would have", () =>
      Effect.gen(function* () {
        const { checkEnd, folder, patchbay, patches, sandbox, start } = yield* world
        // What is in flight was applied, and never ends by itself.
        yield* sandbox.setFaults([{ method: "PATCH", after: 4, fault: Fault.noAnswer({ applied: true }) }])
        const running = yield* start(args)
        yield* World.until(Effect.map(patches, (count) => count >= 6))
        yield* running.kill("SIGINT")
        yield* running.until(/Stopping:/)
        const before = Date.now()
        yield* running.kill("SIGINT")
        const { code, stderr, stdout } = yield* running.ended
        assert.strictEqual(code, 130)
        assert.isBelow(Date.now() - before, 5000)
        assert.strictEqual(stdout, "")
        assert.notInclude(stderr, "    at ")
        assert.isTrue(existsSync(join(folder, "kept/checkpoint.ndjson")))

        yield* sandbox.setFaults([])
        const done = yield* patchbay(args)
        assert.strictEqual(done.code, 1, done.stderr)
        assert.match(done.stdout, /records read +400\n +applied +390\n +rejected +10\n/)
        yield* checkEnd
      })
    )
  }
)
