/**
 * What gzip costs whoever reads it: Node's own gunzip, whose output nobody looks at.
 */
import { createReadStream } from "node:fs"
import { createGunzip } from "node:zlib"
import type { Prepare } from "../Contender.ts"

export const gunzip: Prepare = async (job) => async () => {
  let lines = -1
  for await (const chunk of createReadStream(job.gzip ?? "").pipe(createGunzip())) {
    // To know that all of it came, at next to no cost.
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++
  }
  return lines
}
