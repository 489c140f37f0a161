import type { Policies } from "../../src/policy/InForce.ts"
import * as InForce from "../../src/policy/InForce.ts"
import { type Answer, heap } from "./LimitSimulation.ts"

/**
 * A run under the policies, against a server that works on each request for a time, with a network between, and as many
 * requests as may start. What is refused comes back at once.
 */
export const simulate = (options: {
  readonly policies: Pick<Policies, "rateLimit" | "concurrency">
  readonly seconds: number
  /** Milliseconds there and back, evenly within a tenth. */
  readonly network: number
  /** Milliseconds. */
  readonly service: (now: number) => number
  /** Whether the server takes one more than it is working on, of so many records. */
  readonly allows: (now: number, busy: number, size: number) => boolean
  readonly random: () => number
  /** The records of the next request. Default: 1. */
  readonly size?: () => number
}): { readonly answers: ReadonlyArray<Answer & { readonly size: number }>; readonly inForce: InForce.InForce } => {
  const { allows, network, policies, random, seconds, service, size = () => 1 } = options
  const inForce = InForce.make()
  inForce.add({ breaker: undefined, budget: undefined, ...policies }, { breaker: undefined, shared: undefined })
  const events = heap<{ readonly at: number; readonly run: (now: number) => void }>()
  const answers: Array<Answer & { readonly size: number }> = []
  let inFlight = 0
  let busy = 0
  let nextSize = size()
  let timer = Number.NEGATIVE_INFINITY
  const way = () => (network / 2) * (0.9 + 0.2 * random())
  const start = (now: number) => {
    const count = nextSize
    nextSize = size()
    inForce.pacer.onStart(now, count)
    const level = ++inFlight
    inForce.onStart(now, level)
    const back = (allowed: boolean) => (at: number) => {
      inFlight--
      if (allowed) inForce.onAccepted(at, now, level)
      else inForce.onLimited(at, now, level)
      inForce.onEnd(at, now, allowed ? "answered" : "none")
    }
    const arrive = (at: number) => {
      const allowed = allows(at, busy, count)
      answers.push({ at, allowed, size: count })
      if (!allowed) return events.push({ at: at + way(), run: back(false) })
      busy++
      const leave = (left: number) => {
        busy--
        events.push({ at: left + way(), run: back(true) })
      }
      events.push({ at: at + service(at), run: leave })
    }
    events.push({ at: now + way(), run: arrive })
  }
  const idle = () => undefined
  for (let now = 0; now < seconds * 1000; ) {
    while (inFlight < inForce.concurrency()) {
      const next = inForce.pacer.next(now, nextSize)
      if (next > now) {
        if (timer !== next) events.push({ at: next, run: idle })
        timer = next
        break
      }
      start(now)
    }
    const event = events.pop()
    now = event.at
    event.run(now)
  }
  return { answers, inForce }
}
