import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as World from "./World.ts"

/** Says how much V8 keeps for new objects, before and after many of them have outlived a collection. */
const survivors = `
import { writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import v8 from "node:v8"
const size = () => v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size
const survive = (count) => {
  const kept = []
  for (let index = 0; index < count; index++) kept.push({ index })
  return kept.length
}
// With less, it may grow; little by little, so that there is room left to grow into.
while (size() < 16 * 1024 * 1024) survive(50_000)
let sizes
const measure = () => {
  const before = size()
  const kept = survive(2_000_000)
  sizes ??= [before, size(), kept]
}
const setFlags = v8.setFlagsFromString
const flags = []
v8.setFlagsFromString = (flag) => {
  setFlags(flag)
  flags.push(flag)
  measure()
}
syncBuiltinESMExports()
process.on("exit", () => {
  measure()
  writeFileSync("sizes.json", JSON.stringify({ sizes, flags }))
})
`

layer(SandboxServer.layer(), { excludeTestServices: true })("memory", (it) => {
  it.effect("grows no more for new objects while a sync runs, as it would otherwise", () =>
    Effect.gen(function* () {
      const { env, folder, patchbay, read, write } = yield* World.make
      write("survivors.mjs", survivors)
      write("customers.csv", "customerId\nc-1\n")
      const grown = (args: ReadonlyArray<string>) =>
        Effect.map(
          patchbay(args, { env: { ...env, NODE_OPTIONS: `--import=${join(folder, "survivors.mjs")}` } }),
          ({ code, stderr }) => {
            assert.strictEqual(code, 0, stderr)
            const { flags, sizes } = JSON.parse(read("sizes.json"))
            return { flags, times: sizes[1] / sizes[0] }
          }
        )
      const usual = yield* grown(["--version"])
      assert.deepStrictEqual(usual.flags, [])
      assert.isAbove(usual.times, 1.5)
      const sync = ["sync", "customers.csv", "--to", "reach.batch-patch", "--tenant", "acme", "--settle", "accepted"]
      const bounded = yield* grown(sync)
      assert.isAtMost(bounded.times, 1)
      // And afterwards as V8 has it.
      assert.deepStrictEqual(bounded.flags, ["--semi-space-growth-factor=1", "--semi-space-growth-factor=2"])
    })
  )
})
