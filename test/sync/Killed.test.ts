import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { Sandbox, SandboxServer } from "../../src/sandbox/index.ts"
import * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import { SyncReport } from "../../src/sync/books/SyncReport.ts"

const script = fileURLToPath(new URL("../support/SyncProcess.ts", import.meta.url))

const count = 900
// So that the file is read in several blocks, and can be read on from the start of each.
const long = "é".repeat(100)
const keyOf = (offset: number) => `c-${offset % 500}`
const isBroken = (offset: number) => offset % 400 === 77
const isRefused = (offset: number) => offset % 500 === 123
const row = (offset: number) =>
  isBroken(offset)
    ? `${keyOf(offset)},too,many,cells,here`
    : `${keyOf(offset)},Zoë ${offset},${offset % 3 === 0 ? `+${offset}` : ""},${long}`
const offsets = Array.from({ length: count }, (_, offset) => offset)

const expected = (() => {
  const customers = new Map<string, Record<string, unknown>>()
  for (const offset of offsets) {
    if (isBroken(offset) || isRefused(offset)) continue
    const customerId = keyOf(offset)
    customers.set(customerId, {
      ...customers.get(customerId),
      customerId,
      firstName: `Zoë ${offset}`,
      lastName: long,
      ...(offset % 3 === 0 ? { phone: `+${offset}` } : {})
    })
  }
  return customers
})()

/** Starts the process, and kills it when `until` says so; what it wrote, where it came to its end. */
const start = Effect.fnUntraced(function* (args: ReadonlyArray<string>, until: Effect.Effect<boolean>) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  child.stdout.on("data", (chunk) => {
    output += chunk
  })
  const gone = new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, signal) => resolve(signal)))
  const kill = Effect.gen(function* () {
    while (!(yield* until)) yield* Effect.sleep(1)
    child.kill("SIGKILL")
    return yield* Effect.never
  })
  const signal = yield* Effect.raceFirst(
    Effect.promise(() => gone),
    kill
  ).pipe(Effect.onInterrupt(() => Effect.sync(() => child.kill("SIGKILL"))))
  return signal === null ? output : undefined
})

describe("a process that is killed again and again", () => {
  it.live("ends where one that was not would have, with every record accounted for", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const sandbox = yield* Sandbox.Sandbox
      const { url } = yield* SandboxServer.SandboxServer
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(
        `${folder}/customers.csv`,
        ["customerId,firstName,phone,lastName", ...offsets.map(row)].map((line) => `${line}\n`).join("")
      )
      const requests = Effect.map(sandbox.requests, (all) => all.length)
      const writes = Effect.map(sandbox.writes, (all) => all.length)
      // Twice at some moment, then to the end.
      const early = 1 + Math.random() * 60
      const late = 500 + Math.random() * 200
      for (const until of [Effect.map(requests, (now) => now > early), Effect.map(writes, (now) => now > late)]) {
        assert.isUndefined(yield* start([url, folder], until), "it was killed before its end")
      }
      const output = yield* start([url, folder], Effect.succeed(false))
      yield* sandbox.idle
      assert.deepStrictEqual(new Map(yield* sandbox.reachCustomers("acme")), expected)

      const culprits = offsets.filter((offset) => isBroken(offset) || isRefused(offset))
      const letters = yield* Stream.runCollect(DeadLetters.read(`${folder}/dead.ndjson`))
      assert.deepStrictEqual(
        letters.map(({ offset }) => offset).sort((a, b) => a - b),
        culprits
      )
      const report = yield* Schema.decodeUnknownEffect(SyncReport)(JSON.parse(output ?? ""))
      assert.deepInclude(report, { read: count, checkpoint: count })
      assert.deepInclude(report.outcomes, { Applied: count - culprits.length, Rejected: culprits.length, Unknown: 0 })
      assert.isAbove(report.resumedFrom ?? 0, 0, "it was read on from a block in the middle")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        SandboxServer.layer({
          reach: {
            refuse: ({ customerId }) => (customerId === "c-123" ? "not welcome" : undefined),
            queue: { order: "reverse", delay: { min: 0, max: 20 } }
          }
        })
      ),
      Effect.provide(NodeServices.layer)
    )
  )
})
