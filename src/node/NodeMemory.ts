/**
 * What a process keeps in memory for new objects.
 *
 * @since 0.1.0
 */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// V8's own, which cannot be asked for.
const usualFactor = 2

const growBy = (factor: number) => setFlagsFromString(`--semi-space-growth-factor=${factor}`)

// With less, V8 collects so often that more of what is under way outlives it, and memory grows with the length of a sync.
const enough = 16 * 1024 * 1024

const isEnough = (): boolean => {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")
  return young === undefined || young.space_size >= enough
}

// The setting is the process's, so that the last one who leaves puts it back.
let holders = 0
let isHeld = false

const hold = Effect.sync(() => {
  if (isHeld) return
  isHeld = true
  growBy(1)
})

const holdWhenEnough: Effect.Effect<void> = Effect.suspend(() =>
  isEnough() ? hold : Effect.flatMap(Effect.sleep("50 millis"), () => holdWhenEnough)
)

/**
 * As long as this layer is there, V8 makes its young generation no larger than it is, or than 16 MB, to which loading a
 * script brings it as a rule. Otherwise it doubles it, up to 64 MB three times over, whenever enough objects have outlived
 * a collection, so that the memory of a sync grows with its length: 265 MB at 10 million records instead of 178, at the
 * same CPU.
 *
 * It is a setting of the whole process: for scripts and commands, not for an app that does other things too. From the
 * start on and for all of a process, `node --max-semi-space-size=8` does more.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.effectDiscard(
  Effect.andThen(
    Effect.acquireRelease(
      Effect.sync(() => {
        holders++
      }),
      () =>
        Effect.sync(() => {
          if (--holders > 0 || !isHeld) return
          isHeld = false
          growBy(usualFactor)
        })
    ),
    Effect.forkScoped(holdWhenEnough, { startImmediately: true })
  )
)
