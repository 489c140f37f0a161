/**
 * The hot loop of a sync: rows of text to JSON, from bytes to bytes. It takes the rows whose values are copied as they
 * are, and leaves every other one to the schema.
 *
 * Written in AssemblyScript, a part of TypeScript that becomes WebAssembly; `npm run assemble` makes `../RowProgram.ts` of
 * it.
 */
import * as Csv from "./Csv"
import * as Ndjson from "./Ndjson"
import { Run, take } from "./Rows"

/** Takes rows of CSV. */
export function csv(run: Run, table: usize): u32 {
  return take(run, table, Csv.writeRow)
}

/** Takes lines of NDJSON. */
export function ndjson(run: Run, table: usize): u32 {
  return take(run, table, Ndjson.writeRow)
}
