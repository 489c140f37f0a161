import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Sandbox, SandboxClient, StateFile } from "../../src/sandbox/index.ts"
import { ada, patchBatch, send, updateCustomers } from "./support.ts"

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "patchbay-state-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "state.ndjson")
)

/** A sandbox of its own, whose Reach takes ten seconds over a batch. */
const inSandbox = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(
    effect,
    Layer.mergeAll(
      SandboxClient.layer({ reach: { fields: { loyaltyTier: "string" }, queue: { delay: "10 seconds" } } }),
      NodeFileSystem.layer
    ),
    { local: true }
  )
const sandbox = Sandbox.Sandbox

describe("StateFile", () => {
  it.effect("what was there before a stop is there after it, and what waited is applied then", () =>
    Effect.gen(function* () {
      const path = yield* file
      const before = yield* inSandbox(
        Effect.gen(function* () {
          yield* (yield* sandbox).seedPocketflows("b-1", [{ id: "p-1", metadata: { é: [1, null] } }])
          yield* send("POST", "/api/resources/customers", { data: { ...ada, loyaltyTier: "gold" } })
          yield* updateCustomers([{ id: "p-1", full_name: 'Zo"ë\n' }])
          const { body } = yield* patchBatch([{ customerId: "c-1", phone: "1" }, { customerId: "c-2" }])
          yield* TestClock.adjust("10 seconds")
          const later = yield* patchBatch([{ customerId: "c-1", phone: "2" }])
          yield* StateFile.save(path)
          return {
            snapshot: yield* (yield* sandbox).snapshot,
            done: body.data.batchId,
            waiting: later.body.data.batchId
          }
        })
      )
      yield* inSandbox(
        Effect.gen(function* () {
          assert.isTrue(yield* StateFile.load(path))
          assert.deepStrictEqual(yield* (yield* sandbox).snapshot, before.snapshot)
          assert.strictEqual(before.snapshot.reach.default?.["c-1"]?.loyaltyTier, "gold")
          const status = (id: string) => Effect.map(send("GET", `/api/batches/${id}`), ({ body }) => body.data.status)
          assert.strictEqual(yield* status(before.done), "success")
          assert.strictEqual(yield* status(before.waiting), "pending")
          const next = yield* patchBatch([{ customerId: "c-3" }])
          assert.notInclude([before.done, before.waiting], next.body.data.batchId)
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(yield* status(before.waiting), "success")
          assert.strictEqual((yield* (yield* sandbox).reachCustomers("default")).get("c-1")?.phone, "2")
        })
      )
    })
  )

  it.effect("only the owner may read it, and nothing is left beside it", () =>
    Effect.gen(function* () {
      const path = yield* file
      writeFileSync(path, "old")
      chmodSync(path, 0o644)
      yield* inSandbox(StateFile.save(path))
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      assert.deepStrictEqual(readdirSync(join(path, "..")), ["state.ndjson"])
      assert.isTrue(yield* inSandbox(StateFile.load(path)))
    })
  )

  it.effect("a file that is missing is no state, and one that is broken is said to be, and fills nothing", () =>
    Effect.gen(function* () {
      const path = yield* file
      assert.isFalse(yield* inSandbox(StateFile.load(path)))
      yield* inSandbox(
        Effect.gen(function* () {
          yield* (yield* sandbox).seedReach("acme", [ada, { ...ada, customerId: "c-2" }])
          yield* StateFile.save(path)
        })
      )
      const whole = readFileSync(path, "utf8")
      const table: ReadonlyArray<readonly [text: string, line: number | undefined, reason: RegExp]> = [
        ["", undefined, /empty/],
        ["customerId\nc-1\n", 1, /no state of this version's sandbox/],
        [whole.replace('"version":1', '"version":2'), 1, /no state of this version's sandbox/],
        [whole.split("\n").slice(0, 2).join("\n"), undefined, /1 of 2 lines/],
        [whole.slice(0, -10), 3, /JSON/i],
        [whole.replace('"firstName":"Ada"', '"firstName":5'), 2, /firstName/]
      ]
      for (const [text, line, reason] of table) {
        writeFileSync(path, text)
        yield* inSandbox(
          Effect.gen(function* () {
            const error = yield* Effect.flip(StateFile.load(path))
            assert.strictEqual(error._tag, "StateUnreadable")
            assert.strictEqual(error.line, line)
            assert.match(error.reason, reason)
            assert.notInclude(error.message, "Lovelace")
            assert.deepStrictEqual(yield* (yield* sandbox).snapshot, { reach: {}, pocketflows: {} })
          })
        )
      }
    })
  )

  it.effect("a folder that is not there is said to be the reason", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(inSandbox(StateFile.save(join(yield* file, "nowhere", "state.ndjson"))))
      assert.deepInclude(error, { _tag: "StateUnwritable", reason: "NotFound" })
    })
  )
})
