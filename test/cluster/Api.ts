/** An API that takes batches, and notes whether a customer is in two requests at a time or goes back to an older version. */
import { Effect } from "effect"
import * as ScriptedServer from "../support/ScriptedServer.ts"

/** What must not be: found in a request of a runner. */
export interface Problem {
  readonly runner: string
  readonly request: number
  readonly what: string
}

const quick = 15
// Less than the time that an attempt may take.
const longest = 10_000

/** It serves until the scope closes. `customers` says how many there are. */
export const make = Effect.fnUntraced(function* (customers: number) {
  const versions = new Map<string, number>()
  const held = new Map<string, number>()
  const problems: Array<Problem> = []
  const requests = new Map<string, number>()
  let all = 0
  let dragging = false
  const silent = new Set<string>()

  // The nearer the end, the slower: what is to happen in between does, on any machine.
  const takes = (runner: string) =>
    dragging && !silent.has(runner) ? Math.min(longest, 150 / (1 - versions.size / (customers + 1))) : quick

  const server = yield* ScriptedServer.serve((request, response) => {
    let body = ""
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on("end", () => {
      const number = ++all
      const runner = (request.headers.authorization ?? "").replace("Bearer ", "")
      const { resources } = JSON.parse(body) as { resources: Array<{ customerId: string; lastName: string }> }
      requests.set(runner, (requests.get(runner) ?? 0) + 1)
      const wrong = (what: string) => problems.push({ runner, request: number, what })
      for (const { customerId, lastName } of resources) {
        if (held.has(customerId)) wrong(`${customerId} is in request ${held.get(customerId)}, too`)
        held.set(customerId, number)
        const version = Number(lastName)
        if (version < (versions.get(customerId) ?? 0)) wrong(`${customerId} goes back to ${version}`)
        versions.set(customerId, version)
      }
      const began = performance.now()
      const release = () => {
        clearInterval(look)
        for (const { customerId } of resources) if (held.get(customerId) === number) held.delete(customerId)
      }
      const look = setInterval(() => {
        if (performance.now() - began < takes(runner)) return
        release()
        const data = { batchId: "b", message: "taken", recordCount: resources.length, schemaDefinitionId: "s" }
        response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify({ success: true, data }))
      }, quick)
      // Who sent it is gone.
      response.once("close", release)
    })
  })
  return {
    url: server.url,
    versions,
    problems,
    requests: (runner?: string) => (runner === undefined ? all : (requests.get(runner) ?? 0)),
    /** Whether it takes its time, so that a run does not end before all is over that is to happen to it. */
    drag: (slow: boolean) => {
      dragging = slow
    },
    /** A runner that is stopped is answered at once: it has nothing in flight. */
    answerAtOnce: (runner: string) => {
      silent.add(runner)
    }
  }
})
