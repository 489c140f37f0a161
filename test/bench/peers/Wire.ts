/**
 * Sockets alone: bodies that are made beforehand, and a plain request after each answer. It neither reads a file nor
 * knows HTTP, so what it takes is what the machine takes; a client can come near it, and no further.
 */
import { once } from "node:events"
import { connect } from "node:net"
import type { Job, Prepare } from "../Contender.ts"
import * as Customers from "../Customers.ts"

const encode = ({ seed, url }: Job, records: number): Buffer => {
  const { host } = new URL(url)
  const customer = Customers.make(seed)
  const resources = Array.from({ length: records }, (_, index) => customer(index))
  const body = Buffer.from(JSON.stringify({ resources }))
  const head = [
    "PATCH /api/resources/customers/batch HTTP/1.1",
    `host: ${host}`,
    "content-type: application/json",
    "authorization: Bearer bench",
    `content-length: ${body.length}`
  ]
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body])
}

/** Whether all of an answer is there. */
const isWhole = (answer: string): boolean => {
  const end = answer.indexOf("\r\n\r\n")
  const [, length = "0"] = answer.match(/\ncontent-length: (\d+)/i) ?? []
  return end !== -1 && answer.length >= end + 4 + Number(length)
}

export const wire: Prepare = async (job) => {
  const { batch, concurrency, records, url } = job
  const requests = Array.from({ length: Math.floor(records / batch) }, () => batch)
  if (records % batch > 0) requests.push(records % batch)
  const bodies = new Map([...new Set(requests)].map((size) => [size, encode(job, size)]))
  return async () => {
    const { hostname, port } = new URL(url)
    const open = async () => {
      const socket = connect({ port: Number(port), host: hostname, noDelay: true })
      await once(socket, "connect")
      for (let size = requests.pop(); size !== undefined; size = requests.pop()) {
        socket.write(bodies.get(size) ?? "")
        let answer = ""
        while (!isWhole(answer)) answer += String((await once(socket, "data"))[0])
        if (!answer.startsWith("HTTP/1.1 202 ")) throw new Error(answer)
      }
      socket.destroy()
    }
    await Promise.all(Array.from({ length: concurrency }, open))
    return records
  }
}
