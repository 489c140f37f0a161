/**
 * What Excel workbooks are read with, where there is something.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { WorkbookUnreadable } from "../read/CustomerFileError.ts"

/**
 * What a cell of a sheet holds: a text, also that of an error such as `#N/A`; a number; a boolean; a day and a time, as if
 * they were UTC, where a number is formatted as one; `null` where it is empty; and a formula without its value, where the
 * program that wrote the workbook left that to be calculated.
 *
 * @category models
 * @since 0.1.0
 */
export type Cell = string | number | boolean | Date | null | { readonly formula: string }

/**
 * @category models
 * @since 0.1.0
 */
export interface Sheet {
  /** From the first row and the first column of the sheet on, with the empty ones. */
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
  /** The day from which days are counted, as if it were UTC: a time of day stands on it. */
  readonly dayZero: Date
}

/**
 * Reads one sheet of a workbook.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkbookReader {
  /**
   * The sheet of that name, or the one that can be seen, where there is only one. Several, and no name, is
   * `SeveralSheets`.
   */
  readonly read: (
    bytes: Uint8Array,
    options: {
      readonly sheet: string | undefined
      /** What errors call the source. */
      readonly source: string
    }
  ) => Effect.Effect<Sheet, WorkbookUnreadable>
}

/**
 * What is asked for when a source is to be read as a workbook. Default: nothing, and such a source is refused. On Node,
 * `NodeWorkbooks.layer` of `effect-patchbay/node`.
 *
 * @category services
 * @since 0.1.0
 */
export const Workbooks = Context.Reference<WorkbookReader | undefined>("effect-patchbay/source/bytes/Workbooks", {
  defaultValue: () => undefined
})
