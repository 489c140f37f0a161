/** The program in `assembly/`, compiled and ready to run. */
import { base64 } from "./RowProgram.wasm.ts"

/** Formats that it reads. */
export type Format = "csv" | "ndjson"

/** Takes rows as the `Run` and the table at these addresses say, and returns how that ended. */
export type Take = (run: number, table: number) => number

let compiled: WebAssembly.Module | undefined

/**
 * The program for a format, in a memory of so many pages of 64 KiB; `undefined` where WebAssembly is switched off, or may
 * not be compiled. `copied` says whether a text at an address, of so many bytes, is copied as the value of a column.
 */
export const make = (
  format: Format,
  pages: number,
  copied: (column: number, from: number, size: number) => boolean
): { readonly memory: WebAssembly.Memory; readonly take: Take } | undefined => {
  try {
    compiled ??= new WebAssembly.Module(Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0)))
    const memory = new WebAssembly.Memory({ initial: pages })
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory }, Rows: { copied } })
    // It is what the program exports by this name.
    return { memory, take: exports[format] as Take }
  } catch {
    // There is a slower way, and nothing that somebody could do at once.
    return undefined
  }
}
