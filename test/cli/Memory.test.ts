import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SandboxServer } from "../../src/sandbox/index.ts"
import * as World from "./World.ts"

/** Says at the end how much V8 keeps for new objects, before and after many of them have outlived a collection. */
const survivors = `
import { getHeapSpaceStatistics } from "node:v8"
import { writeFileSync } from "node:fs"
const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size
process.on("exit", () => {
  const before = size()
  const kept = []
  for (let index = 0; index < 2_000_000; index++) kept.push({ index })
  writeFileSync("sizes.json", JSON.stringify([before, size(), kept.length]))
})
`

layer(SandboxServer.layer(), { excludeTestServices: true })("memory", (it) => {
  it.effect("grows no more for new objects once a sync has begun, as it would otherwise", () =>
    Effect.gen(function* () {
      const { env, folder, patchbay, read, write } = yield* World.make
      write("survivors.mjs", survivors)
      write("customers.csv", "customerId\nc-1\n")
      const grown = (args: ReadonlyArray<string>) =>
        Effect.map(
          patchbay(args, { env: { ...env, NODE_OPTIONS: `--import=${join(folder, "survivors.mjs")}` } }),
          ({ code, stderr }) => {
            assert.strictEqual(code, 0, stderr)
            const [before, after] = JSON.parse(read("sizes.json"))
            return after / before
          }
        )
      assert.isAbove(yield* grown(["--version"]), 1.5)
      const sync = ["sync", "customers.csv", "--to", "reach.batch-patch", "--tenant", "acme", "--settle", "accepted"]
      assert.isAtMost(yield* grown(sync), 1)
    })
  )
})
