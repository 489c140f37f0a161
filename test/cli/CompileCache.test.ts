import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Command from "./Command.ts"

describe("what Node keeps of what it compiled", () => {
  const version = (env: { readonly [name: string]: string }) =>
    Effect.tap(Command.run(["--version"], { env: { NODE_COMPILE_CACHE: "", HOME: "", ...env } }), ({ code, stderr }) =>
      Effect.sync(() => assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" }))
    )

  it.effect("lies in the user's own cache", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      yield* version({ HOME: folder })
      assert.isAbove(readdirSync(join(folder, ".cache/effect-patchbay")).length, 0)
      yield* version({ HOME: folder, XDG_CACHE_HOME: join(folder, "other") })
      assert.isAbove(readdirSync(join(folder, "other/effect-patchbay")).length, 0)
    })
  )

  it.effect("is where NODE_COMPILE_CACHE says, and nowhere when it is switched off or there is no home", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      yield* version({ HOME: folder, NODE_COMPILE_CACHE: join(folder, "named") })
      yield* version({ HOME: folder, NODE_DISABLE_COMPILE_CACHE: "1" })
      yield* version({})
      assert.deepStrictEqual(readdirSync(folder), ["named"])
    })
  )

  it.effect("is not needed: the command runs where it cannot be written", () =>
    Effect.gen(function* () {
      const folder = yield* Command.folder
      const file = join(folder, "file")
      writeFileSync(file, "")
      yield* version({ HOME: file })
    })
  )
})
