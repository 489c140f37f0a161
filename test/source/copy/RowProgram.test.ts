import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterEach, vi } from "vitest"
import { BatchPolicy, Encode, ReachDestination, ReachSchema } from "../../../src/index.ts"
import { assemble } from "../assemble.ts"
import * as Encoding from "../Encoding.ts"
import { bytesOf } from "../support.ts"

const module = join(import.meta.dirname, "../../../src/source/copy/RowProgram.wasm.ts")
const encoder = () => Encode.encoder(BatchPolicy.make(), ReachDestination.batchPatch({ tenant: "acme" }))

const count = 300
const csv = bytesOf(`customerId,firstName\n${Array.from({ length: count }, (_, i) => `c-${i},Zoë\n`).join("")}`)
const ndjson = bytesOf(Array.from({ length: count }, (_, i) => `{"customerId":"c-${i}","firstName":"Zoë"}\n`).join(""))

describe("the program that takes rows", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it("is what its sources compile to: where it is not, npm run assemble makes it so", async () => {
    assert.strictEqual(await assemble(), readFileSync(module, "utf8"))
  })

  it.effect("is done without where WebAssembly is missing or may not be compiled", () =>
    Effect.gen(function* () {
      const refused = { ...WebAssembly, Memory: WebAssembly.Memory, Instance: refusing, Module: refusing }
      for (const webAssembly of [undefined, refused]) {
        vi.stubGlobal("WebAssembly", webAssembly)
        for (const [path, bytes] of [
          ["a.csv", csv],
          ["a.ndjson", ndjson]
        ] as const) {
          yield* Encoding.assertSame(Encoding.both(path, ReachSchema.CustomerPatch, encoder, {}), bytes, [100])
          const decoded = yield* Encoding.decoded(path, ReachSchema.CustomerPatch, encoder, bytes)
          assert.deepStrictEqual(decoded, { count, of: count })
        }
      }
    })
  )
})

/** As where a policy of the page or the process forbids it. */
function refusing(): never {
  throw new Error("Compiling code is not allowed here.")
}
