/**
 * Writes the JSON Schema of mapping files, which the package ships.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Mapping from "../../../src/source/Mapping.ts"

/** Where it stands. */
export const path = join(import.meta.dirname, "../../../mapping.schema.json")

/** As it is written. */
export const text = (): string => `${JSON.stringify(Mapping.jsonSchema(), null, 2)}\n`

if (import.meta.main) writeFileSync(path, text())
