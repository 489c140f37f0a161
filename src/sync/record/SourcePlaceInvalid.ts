import * as Schema from "effect/Schema"

/**
 * A place that the source's own schema does not take: the checkpoint was made by another version of the source, and nothing
 * was sent; or the source gave a record a place that is none, and the run stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export class SourcePlaceInvalid extends Schema.TaggedError<SourcePlaceInvalid>()("SourcePlaceInvalid", {
  /** 0-based, of the record that it is the place of. */
  offset: Schema.Int,
  from: Schema.Literals(["checkpoint", "source"])
}) {
  override get message(): string {
    return this.from === "checkpoint"
      ? `The place of record ${this.offset} in the checkpoint is none of this source: another version of the source made it. Run with that version, or reset the checkpoint to start afresh.`
      : `Record ${this.offset} came with a place that does not fit the schema of its source's places. Correct Source.make's place, or what it gives its records.`
  }
}
