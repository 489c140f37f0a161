/** Workbooks by the package hucre, which is loaded when the first one is read. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Cell as LibraryCell, ReadOptions, SheetFilter, Workbook } from "hucre"
import type * as Workbooks from "../source/bytes/Workbooks.ts"
import { WorkbookUnreadable } from "../source/read/CustomerFileError.ts"

/** What is used of it. */
interface Library {
  readonly readXlsx: (bytes: Uint8Array, options: ReadOptions) => Promise<Workbook>
}

type Listed = Parameters<SheetFilter>[0]

/** Reads with what is loaded, once. */
export const make = (load: () => Promise<Library>): Workbooks.WorkbookReader => ({
  read: (bytes, { sheet, source }) =>
    Effect.gen(function* () {
      const fail = (reason: WorkbookUnreadable["reason"], sheets: ReadonlyArray<Listed> = []) =>
        new WorkbookUnreadable({ source, reason, sheet, sheets: sheets.map(({ name }) => name) })
      const { readXlsx } = yield* Effect.tryPromise({
        try: load,
        catch: (error) =>
          fail(Predicate.hasProperty(error, "code") && isMissing(error.code) ? "NotInstalled" : "Broken")
      })
      const sheets: Array<Listed> = []
      const isWanted = (listed: Listed) => (sheet === undefined ? isSeen(listed) : listed.name === sheet)
      const { dateSystem, sheets: read } = yield* Effect.tryPromise({
        try: () =>
          readXlsx(bytes, {
            sheets: (listed) => {
              const isFirst = isWanted(listed) && !sheets.some(isWanted)
              sheets.push(listed)
              return isFirst
            }
          }),
        catch: (error) => fail(reasonOf(error))
      })
      const wanted = sheets.filter(isWanted)
      if (wanted.length === 0) return yield* fail("NoSuchSheet", sheets)
      if (wanted.length > 1) return yield* fail("SeveralSheets", wanted)
      const [found] = read
      if (found === undefined) return yield* fail("Broken")
      // Cells that a formula has, which hold no value where the writer left it to be calculated.
      for (const [place, cell] of found.cells ?? []) {
        if (!lacksValue(cell)) continue
        const [row = 0, column = 0] = place.split(",").map(Number)
        const cells: Array<Workbooks.Cell> | undefined = found.rows[row]
        if (cells !== undefined) cells[column] = { formula: cell.formula ?? "" }
      }
      return { rows: found.rows, dayZero: dateSystem === "1904" ? dayZeros[1904] : dayZeros[1900] }
    })
})

const isSeen = ({ hidden, veryHidden }: Listed): boolean => hidden !== true && veryHidden !== true

const dayZeros = { 1900: new Date(Date.UTC(1899, 11, 31)), 1904: new Date(Date.UTC(1904, 0, 1)) }

const lacksValue = ({ formula, value }: LibraryCell): boolean => formula !== undefined && value === null

const isMissing = (code: unknown): boolean => code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"

// Two cells in opposite corners make a sheet of so many, as does a text of all its strings that is too long.
const isTooLarge = /over the \d+ limit|string longer than|Invalid string length|Array buffer allocation failed/

const reasonOf = (error: unknown): WorkbookUnreadable["reason"] => {
  if (!(error instanceof Error)) return "Broken"
  if (error.name === "EncryptedFileError") return "Encrypted"
  return isTooLarge.test(error.message) ? "TooLarge" : "Broken"
}
