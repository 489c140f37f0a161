import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, SandboxServer } from "../../src/sandbox/index.ts"
import * as Golden from "./Golden.ts"
import * as World from "./World.ts"

const toBatch = ["--to", "reach.batch-patch", "--tenant", "acme", "--progress", "none"]

/** The commands that a run says to type next. */
const typed = (stderr: string): ReadonlyArray<ReadonlyArray<string>> =>
  stderr.split("\n").flatMap((line) => (line.startsWith("  patchbay ") ? [line.trim().split(" ").slice(1)] : []))

// The request that goes out when an answer is there, before it is read, may be one more.
const counts: ReadonlyArray<readonly [RegExp, string]> = [[/\b\d+ records\b/g, "SOME records"]]

const html = Fault.respond({ status: 200, body: "<html>a proxy</html>", headers: { "content-type": "text/html" } })

layer(SandboxServer.layer({ reach: { queue: { delay: "10 millis" } } }), { excludeTestServices: true })(
  "what a run leaves over",
  (it) => {
    it.effect("answers that are none: what is unknown is named with the command for it, to the end", () =>
      Effect.gen(function* () {
        const { patchbay, sandbox, write } = yield* World.make
        const ids = Array.from({ length: 12 }, (_, index) => `c-${index}`)
        write("c.csv", ["customerId,firstName", ...ids.map((id) => `${id},Zoë`)].join("\n"))
        const args = [
          ...["sync", "c.csv", ...toBatch, "--batch-records", "2", "--concurrency", "1"],
          ...["--checkpoint", "kept", "--dead-letters", "dead.ndjson"]
        ]
        yield* sandbox.setFaults([{ method: "PATCH", fault: html }])
        const stopped = yield* patchbay(args)
        assert.strictEqual(stopped.code, 3, stopped.stderr)
        Golden.check("left-unknown", stopped.stderr, counts)
        yield* sandbox.setFaults([])

        const [goOn = [], retry = []] = typed(stopped.stderr)
        const gone = yield* patchbay(goOn)
        assert.strictEqual(gone.code, 1)
        const again = yield* patchbay(goOn)
        assert.strictEqual(again.code, 1)
        Golden.check("left-nothing-new", again.stderr, counts)
        assert.deepStrictEqual(typed(again.stderr)[0], retry, "the same advice wherever it is asked for")
        assert.notInclude(again.stdout, "went on from")
        const retried = yield* patchbay(retry)
        assert.strictEqual(retried.code, 0, retried.stderr)
        yield* sandbox.idle
        assert.deepStrictEqual([...(yield* sandbox.reachCustomers("acme")).keys()].sort(), [...ids].sort())
      })
    )

    it.effect("without a file for letters, the way to have them is told to its end", () =>
      Effect.gen(function* () {
        const { patchbay, read, write } = yield* World.make
        write("c.csv", "customerId\nc-1\nc-2,too many\n")
        const first = yield* patchbay(["sync", "c.csv", ...toBatch, "--checkpoint", "kept"])
        assert.strictEqual(first.code, 1)
        Golden.check("left-not-kept", first.stderr)
        const late = yield* patchbay([
          "sync",
          "c.csv",
          ...toBatch,
          "--checkpoint",
          "kept",
          "--dead-letters",
          "d.ndjson"
        ])
        assert.strictEqual(late.code, 1)
        assert.include(late.stderr, "They are where --dead-letters of that run said, if it did")
        const [reset = [], all = []] = typed(first.stderr)
        assert.strictEqual((yield* patchbay([...reset, "--yes"])).code, 0)
        assert.strictEqual((yield* patchbay(all)).code, 1)
        assert.lengthOf(read("dead-letters.ndjson").trimEnd().split("\n"), 1)
      })
    )

    it.effect("letters of earlier runs in the same file are told apart, and counted by what retry sends", () =>
      Effect.gen(function* () {
        const { patchbay, write } = yield* World.make
        write("one.csv", "customerId\nc-1,too many\nc-2,too many\nc-3\n")
        write("two.csv", "customerId\nc-4,too many\n")
        const run = (name: string) => patchbay(["sync", name, ...toBatch, "--dead-letters", "dead.ndjson"])
        const one = yield* run("one.csv")
        assert.notInclude(one.stderr, "earlier runs")
        const two = yield* run("two.csv")
        Golden.check("left-earlier", two.stderr)
        const dry = yield* patchbay([...(typed(two.stderr)[0] ?? []), "--dry-run"])
        assert.match(dry.stdout, /records read +3\n/)
      })
    )

    it.effect("what is wrong with a record is told in the command's words, in the letters and in a dry run", () =>
      Effect.gen(function* () {
        const { patchbay, read, sandbox, write } = yield* World.make
        yield* sandbox.seedReach("acme", [{ customerId: "c-1", emailOptOut: true, phone: "1", firstName: "Ada" }])
        write("c.csv", "customerId,emailOptOut,phone,firstName\nc-1,,,\n")
        write("c.ndjson", '{"customerId":"c-1","shoe size":38}\n')
        const asked = ["sync", "c.csv", ...toBatch, "--empty", "null", "--empty", "firstName=absent"]
        const library = /deleteConsent|otherColumns|Redacted/
        for (const dry of [
          yield* patchbay([...asked, "--dry-run"]),
          yield* patchbay([...asked, "--dry-run", "--report", "-"])
        ]) {
          assert.include(dry.stdout, "to do so, name the field with --delete-consent")
          assert.notMatch(dry.stdout, library)
        }
        for (const args of [asked, ["sync", "c.ndjson", ...toBatch]]) {
          const { code } = yield* patchbay([...args, "--dead-letters", "dead.ndjson"])
          assert.strictEqual(code, 1)
        }
        yield* sandbox.setFaults([{ method: "PATCH", fault: Fault.respond({ status: 422, body: '{"message":"no"}' }) }])
        write("one.csv", "customerId\nc-1\n")
        yield* patchbay(["sync", "one.csv", ...toBatch, "--dead-letters", "dead.ndjson"])
        yield* sandbox.setFaults([])
        const letters = read("dead.ndjson")
        assert.lengthOf(letters.trimEnd().split("\n"), 3)
        assert.include(letters, "name the field with --delete-consent")
        assert.include(letters, "--ignore-unknown-fields")
        assert.include(letters, "What it answered is under answer.")
        assert.notMatch(letters, library)

        const done = yield* patchbay([...asked, "--delete-consent", "emailOptOut"])
        assert.strictEqual(done.code, 0, done.stderr)
        yield* sandbox.idle
        assert.deepStrictEqual((yield* sandbox.reachCustomers("acme")).get("c-1"), {
          customerId: "c-1",
          firstName: "Ada"
        })
      })
    )
  }
)
