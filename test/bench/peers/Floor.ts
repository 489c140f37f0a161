/**
 * The floor's loop, sending with undici's `dispatch`, which takes a tenth less CPU a record than its `request`.
 */
import { Pool } from "undici"
import type { Job, Prepare } from "../Contender.ts"
import * as FloorLoop from "../FloorLoop.ts"
import * as Patches from "../Patches.ts"

type Options = Parameters<typeof FloorLoop.runFrom>[1]

const running = async (
  { batch, concurrency, url }: Job,
  run: (options: Options) => Promise<number>,
  path = "/api/resources/customers/batch"
) => {
  const pool = new Pool(url, { connections: concurrency, pipelining: 1 })
  const target = {
    path,
    method: "PATCH" as const,
    headers: { "content-type": "application/json", authorization: "Bearer bench" }
  }
  const send: Options["send"] = (body, answered) =>
    pool.dispatch(
      { ...target, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          if (statusCode !== 202 && statusCode !== 200) throw new Error(`answered ${statusCode}`)
        },
        // What the answer says is not looked at.
        onResponseData() {},
        onResponseEnd: answered,
        onResponseError(_controller, error) {
          throw error
        }
      }
    )
  const records = await run({ batch, concurrency, send })
  await pool.close()
  return records
}

export const floor: Prepare = async (job) => () =>
  running(job, (options) => FloorLoop.run({ ...options, csv: job.csv }))

const fromMemory =
  (dates: Patches.Dates): Prepare =>
  async (job) => {
    const patches = Patches.make({ ...job, dates })
    return () => running(job, (options) => FloorLoop.runFrom(patches, options))
  }

export const dated = fromMemory("dated")
export const undated = fromMemory("undated")

/** One customer a request, all to one of them: who it is about makes no difference to the null server. */
export const calls: Prepare = async (job) => {
  const patches = Patches.make({ ...job, dates: "dated" })
  const one = { ...job, batch: 1 }
  return () => running(one, (options) => FloorLoop.runFrom(patches, options), "/api/resources/customers/customer-1")
}
