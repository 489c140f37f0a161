/** What a destination throws becomes the fate of the batch for which it did, and ends nothing else. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as SendableJson from "../../json/SendableJson.ts"
import { type Fates, unknown } from "../model/Fate.ts"
import * as Part from "./Part.ts"

/** Several batches in a row ended because the destination threw, so that nothing is to be expected of the next ones. */
export class DestinationFailed extends Data.TaggedError("DestinationFailed")<{
  /** Its name. */
  readonly destination: string
  /** What it threw, without its words. */
  readonly thrown: string
}> {
  override get message(): string {
    return `${this.destination} threw (${this.thrown}) in several batches in a row. This is a fault in the destination, or in what was given to it: put it right, and check at the vendor what became of these batches.`
  }
}

// So many batches in a row in which the destination threw stop the run.
const thrownInARow = 3

export const make = (options: {
  readonly to: { readonly name: string }
  readonly onStop: (error: DestinationFailed) => void
}) => {
  const { onStop, to } = options
  let inARow = 0
  return <R>(part: Part.Part<unknown>, fates: Effect.Effect<Fates, never, R>): Effect.Effect<Fates, never, R> =>
    fates.pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          inARow = 0
        })
      ),
      Effect.catchDefect((defect) =>
        Effect.sync(() => {
          const thrown = SendableJson.thrown(defect)
          if (++inARow >= thrownInARow) onStop(new DestinationFailed({ destination: to.name, thrown }))
          // Nobody knows how far it had come.
          const message = `${to.name} threw (${thrown}) while batch ${part.batch.number} was under way; whether it was applied is not known. Check at the vendor before you send it again.`
          return Part.fated(part, unknown("Defect", message))
        })
      )
    )
}
