/** Texts that people read, kept as files so that a change of tone is seen in review. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert } from "@effect/vitest"

/**
 * Compares a text with `golden/NAME.txt`. What differs from run to run is given as `[what, stand-in]`. With
 * `UPDATE_GOLDEN=1` the file is written instead.
 */
export const check = (
  name: string,
  text: string,
  standIns: ReadonlyArray<readonly [what: string | RegExp, standIn: string]> = []
): void => {
  const file = join(import.meta.dirname, "golden", `${name}.txt`)
  const plain = standIns.reduce((all, [what, standIn]) => all.replaceAll(what, standIn), text)
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, plain)
  assert.isTrue(existsSync(file), `${file} is missing; make it with UPDATE_GOLDEN=1`)
  assert.strictEqual(plain, readFileSync(file, "utf8"))
}
