/**
 * The floor: nothing but the work itself. No validation, no retries, no escapes, no accounting.
 */
import { createReadStream } from "node:fs"
import { Pool } from "undici"
import type { Prepare } from "../Contender.ts"

const blockSize = 256 * 1024

export const floor: Prepare = async ({ batch, concurrency, csv, url }) => {
  const path = "/api/resources/customers/batch"
  const headers = { "content-type": "application/json", authorization: "Bearer bench" }
  return async () => {
    const pool = new Pool(url, { connections: concurrency })
    let records = 0
    let inFlight = 0
    let wake: (() => void) | undefined

    const send = async (resources: ReadonlyArray<object>) => {
      const { body, statusCode } = await pool.request({
        path,
        method: "PATCH",
        headers,
        body: JSON.stringify({ resources })
      })
      await body.dump()
      if (statusCode !== 202) throw new Error(`answered ${statusCode}`)
      records += resources.length
      inFlight--
      wake?.()
    }

    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve
      })

    let names: ReadonlyArray<string> | undefined
    let resources: Array<object> = []
    let rest = ""
    for await (const block of createReadStream(csv, { encoding: "utf8", highWaterMark: blockSize })) {
      const lines: Array<string> = (rest + block).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        const cells = line.split(",")
        if (names === undefined) {
          names = cells
          continue
        }
        resources.push({
          customerId: cells[0],
          firstName: cells[1],
          lastName: cells[2],
          createdAt: cells[3],
          // An empty cell is no field.
          email: cells[4] || undefined,
          phone: cells[5],
          emailOptOut: cells[6] === "true",
          smsOptOut: cells[7] === "true",
          customerDetailUrl: cells[8]
        })
        if (resources.length < batch) continue
        while (inFlight >= concurrency) await turn()
        inFlight++
        void send(resources)
        resources = []
      }
    }
    if (resources.length > 0) {
      inFlight++
      void send(resources)
    }
    while (inFlight > 0) await turn()
    await pool.close()
    return records
  }
}
