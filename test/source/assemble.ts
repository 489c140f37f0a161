/**
 * Compiles the program in `src/source/copy/assembly`. Run as a script, it writes the module that holds it.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import asc from "assemblyscript/asc"

const source = join(import.meta.dirname, "../../src/source/copy")

/** The module that holds the program, as its sources make it. */
export const assemble = async (): Promise<string> => {
  let program: Uint8Array | undefined
  const options = ["index.ts", "--baseDir", join(source, "assembly"), "--outFile", "program.wasm"]
  const { error, stderr } = await asc.main(
    [...options, "-O3", "--converge", "--noAssert", "--runtime", "stub", "--importMemory"],
    {
      // The text of the program comes along, which nobody needs.
      writeFile: (_, content) => {
        if (typeof content !== "string") program = content
      }
    }
  )
  if (error !== null || program === undefined) throw new Error(`The program does not compile: ${stderr}`)
  return `/** The program in \`assembly/\`, compiled: \`npm run assemble\` makes this module of it. */

/** The bytes of the WebAssembly module. */
export const base64 =
  "${Buffer.from(program).toString("base64")}"
`
}

if (import.meta.main) writeFileSync(join(source, "RowProgram.wasm.ts"), await assemble())
