/** The rows of records, read again from where they stand: for dead letters. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { CustomerRecord, Row, SourcePosition } from "../sync/model/CustomerRecord.ts"
import type { RowAt } from "../sync/record/Source.ts"
import type { RecordDecoder } from "./read/RecordDecoder.ts"

/** Nothing fits, so that a reader gives every record with its row. */
export const decoder: RecordDecoder<never> = {
  decode: () => Exit.fail(undefined),
  issues: () => [],
  look: () => undefined
}

/**
 * Finds rows in what is read from a position on with that decoder. Records that were read together share a position, so that
 * each block is read once. A row that is not there any more is left out.
 */
export const find = <P, E, R>(
  wanted: ReadonlyArray<RowAt<P>>,
  from: (position: SourcePosition<P>) => Stream.Stream<CustomerRecord<never>, E, R>
): Effect.Effect<ReadonlyMap<number, Row>, never, R> => {
  const rows = new Map<number, Row>()
  const together = Map.groupBy(wanted, ({ position }) => position.offset).values()
  const readBlock = (block: ReadonlyArray<RowAt<P>>) => {
    const [first] = block
    if (first === undefined) return Effect.void
    const offsets = new Set(block.map(({ offset }) => offset))
    const last = Math.max(...offsets)
    return from(first.position).pipe(
      Stream.takeUntil(({ offset }) => offset >= last),
      Stream.runForEachArray((records) =>
        Effect.sync(() => {
          for (const record of records) {
            if (record._tag === "Invalid" && record.row !== undefined && offsets.has(record.offset)) {
              rows.set(record.offset, record.row)
            }
          }
        })
      ),
      // The letter is worth more than its row.
      Effect.ignore
    )
  }
  return Effect.as(Effect.forEach(together, readBlock, { discard: true }), rows)
}
