/**
 * What V8 keeps for new objects.
 */
import { setFlagsFromString } from "node:v8"
import * as Effect from "effect/Effect"

/**
 * Leaves it as large as loading the command has made it. V8 would double it whenever enough has outlived a collection,
 * so that the memory of a sync would grow with its length.
 */
export const keep: Effect.Effect<void> = Effect.sync(() => setFlagsFromString("--semi-space-growth-factor=1"))
