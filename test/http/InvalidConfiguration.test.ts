import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Effect, Exit, Schema } from "effect"
import { InvalidConfiguration } from "../../src/http/InvalidConfiguration.ts"
import * as ReachAuth from "../../src/reach/ReachAuth.ts"

describe("a configuration that cannot be used", () => {
  it.effect("a missing token is told in one line, without a place in this library", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.provideService(ReachAuth.fromConfig, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} }))
      )
      assert(Exit.isFailure(exit))
      assert.strictEqual(
        Cause.pretty(exit.cause),
        "InvalidConfiguration: REACH_TOKEN: is not set. Set REACH_TOKEN, or REACH_PARTNER_SECRET together with REACH_PARTNER_ID"
      )
    })
  )

  it("is written and read as its fields", () => {
    const error = new InvalidConfiguration({ option: "lifetime", problem: "is too short" })
    const written = Schema.encodeSync(InvalidConfiguration)(error)
    assert.deepStrictEqual(Object.keys(JSON.parse(JSON.stringify(error))).sort(), ["_tag", "option", "problem"])
    assert.strictEqual(Schema.decodeUnknownSync(InvalidConfiguration)(written).message, "lifetime: is too short")
  })
})
