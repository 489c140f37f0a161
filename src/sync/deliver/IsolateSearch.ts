/**
 * How a refused batch is taken apart: which records go into the next request, and what its answer says.
 * Pure; `Isolate` sends the requests.
 *
 * **Order.** A request always carries the earliest records that are not decided, in source order, so that
 * everything before a culprit is delivered when the culprit is found, and everything after it is not sent
 * yet. Only records that the destination named, or that share a claim, are taken out of that line; whatever
 * shares a key or a claim with one of them waits until it is decided.
 *
 * **Search.** A run that was refused, and whose first part then passed, holds a culprit in its second part,
 * which is therefore split at once and never sent whole. The rest behind a culprit joins what is unknown, as
 * in generalized binary splitting (F. K. Hwang, "A method for detecting all defective members in a population
 * by group testing", 1972). The length of a run follows from the rate of culprits seen so far: about as likely
 * to pass as to be refused, and one record from a rate of (3 - √5) / 2 on, where no grouping is cheaper (P.
 * Ungar, "The cutoff point for group testing", 1960).
 *
 * **Names.** Records that the answer names are taken out of the run, and the rest is sent whole. Where it passes,
 * a single named record is the culprit, and no request is spent on it. Several are sent one by one: that costs
 * what one by one would, and one that passes was named wrongly. When more names were wrong than right, they are
 * no longer looked at.
 *
 * **Failures that depend on each other.** The inference above only says where to look: no record is blamed that
 * was not refused in a request of its own, and not before it was tried once more when others were delivered,
 * unless what it claims is known, and cannot become free. Records that share a claim with an earlier one are
 * taken out first, as if they had been named.
 *
 * **Requests.** One culprit in 1,000 records takes at most 11 requests after the refused one, 13 where failures
 * depend on each other. k culprits take about k (log2 (n / k) + 2.5). Without names, and where failures are
 * independent, n records never take more than n + n / 32 + 2 log2 n requests, wherever the culprits are.
 */
import { type Held, inOrder, type Problem, partnersOf, previousOf, type Refusal, type State } from "./IsolateState.ts"

/**
 * The next request. `Run`: the head of the line. `Rest`: a refused run without those that were named.
 * `Alone`: one that was named, or that shares a claim. `Together` and `Again`: records that were refused
 * alone, once more.
 */
export interface Step {
  readonly kind: "Run" | "Rest" | "Alone" | "Together" | "Again"
  /** In the order in which they must be sent; never empty. */
  readonly indices: ReadonlyArray<number>
}

// What a search may cost more than one by one would: two searches for a first culprit, and one request for each
// so many records. With a fixed allowance alone, a bad stretch at the front can use it up, and the clean records
// behind it go one by one: 1,019 requests instead of 600.
const recordsPerSpareRequest = 32

const without = (list: ReadonlyArray<number>, gone: ReadonlyArray<number>): ReadonlyArray<number> =>
  list.length === 0 || gone.length === 0 ? list : list.filter((index) => !gone.includes(index))

/** The state after a whole batch was refused. */
export const start = <A, D>(problem: Problem, refusal: Refusal<D>): State<A, D> => {
  const todo = Array.from({ length: problem.size }, (_, index) => index)
  const state: State<A, D> = {
    todo,
    suspects: 0,
    rest: 0,
    detail: refusal.detail,
    aside: [],
    taken: [],
    oneOf: [],
    named: [],
    names: { right: 0, wrong: 0 },
    pairs: [],
    held: [],
    heldTogether: -1,
    delivered: [],
    culprits: [],
    requests: 0,
    search: { requests: 0, decided: 0, culprits: 0 }
  }
  if (problem.size < 2) return problem.size === 0 ? state : condemn(problem, state, 0, refusal.detail)
  const named = usable(problem, state, todo, refusal.named)
  // Where the answer names none, those that share a key or a claim with an earlier record are the likely ones.
  const likely =
    named.length > 0 || problem.independent ? named : todo.filter((index) => previousOf(problem, index).length > 0)
  return infer(problem, takeOut(problem, state, todo, likely, named))
}

/** The next request, or `undefined` when every record is decided. */
export const next = <A, D>(problem: Problem, state: State<A, D>): Step | undefined => {
  if (state.aside.length > 0) {
    const waitingFor = new Set(state.todo)
    for (const index of state.aside) {
      const free = previousOf(problem, index).every((earlier) => !waitingFor.has(earlier))
      // What waits must hold up what shares a key with it, also within `aside`.
      if (free && !(state.rest > 0 && state.taken.includes(index))) return { kind: "Alone", indices: [index] }
      waitingFor.add(index)
    }
  }
  if (state.rest > 0) return { kind: "Rest", indices: state.todo.slice(0, state.rest) }
  if (state.todo.length > 0) return { kind: "Run", indices: state.todo.slice(0, runLength(problem, state)) }
  if (state.held.length > 1 && state.heldTogether < 0) return together(state)
  const again = nextAgain(state)
  if (again !== undefined) return { kind: "Again", indices: [again.index] }
  if (state.held.length > 1 && state.heldTogether < state.delivered.length) return together(state)
  return undefined
}

/** In sweeps, and backwards, because where each waits for the next one, the last one is free first. */
const nextAgain = <A, D>(state: State<A, D>): Held<D> | undefined => {
  const stale = state.held.filter((held) => held.deliveries < state.delivered.length)
  const sweep = Math.min(...stale.map((held) => held.tries))
  return stale.findLast((held) => held.tries === sweep)
}

const together = <A, D>(state: State<A, D>): Step => ({
  kind: "Together",
  indices: inOrder(state.held.map((held) => held.index))
})

/** How many of `todo` the next run takes. */
const runLength = <A, D>(problem: Problem, state: State<A, D>): number => {
  const { todo, suspects, aside } = state
  const wanted = wantedLength(problem, state)
  const longest = suspects === 0 ? todo.length : problem.independent ? suspects - 1 : suspects
  const length = Math.max(1, Math.min(wanted, longest))
  if (aside.length === 0) return length
  const blocked = todo.findIndex((index) => previousOf(problem, index).some((earlier) => aside.includes(earlier)))
  return blocked < 0 ? length : Math.max(1, Math.min(length, blocked))
}

const wantedLength = <A, D>(problem: Problem, state: State<A, D>): number => {
  const { todo, suspects } = state
  const { requests, decided, culprits } = state.search
  // A refused run decides nothing, so it must be affordable beside one request a record.
  if (requests - decided + 1 > 2 * Math.log2(problem.size) + decided / recordsPerSpareRequest) return 1
  if (culprits === 0) return suspects === 0 ? todo.length : Math.floor(suspects / 2)
  // The first culprit is why the batch came here, so it says nothing yet about the records behind it.
  if (culprits === 1 && suspects === 0) return todo.length
  const good = 1 - culprits / (decided + 1)
  // Within a refused run: the first culprit is as likely in it as behind it.
  if (suspects > 0) return Math.round(Math.log((1 + good ** suspects) / 2) / Math.log(good))
  // The least m with good^m + good^(m + 1) <= 1, which is 1 from the rate on where records go one by one.
  const length = Math.ceil(-Math.log(1 + good) / Math.log(good))
  return 2 * length >= todo.length ? todo.length : length
}

/** The state after the `next` request went through. */
export const passed = <A, D>(problem: Problem, before: State<A, D>, receipt: A): State<A, D> => {
  const step = next(problem, before)
  if (step === undefined) return before
  const { kind, indices } = step
  const state: State<A, D> = {
    ...before,
    requests: before.requests + 1,
    delivered: [...before.delivered, { indices, receipt }]
  }
  switch (kind) {
    case "Run":
      return infer(problem, {
        ...state,
        todo: state.todo.slice(indices.length),
        suspects: Math.max(0, state.suspects - indices.length),
        search: {
          ...state.search,
          requests: state.search.requests + 1,
          decided: state.search.decided + indices.length
        }
      })
    case "Rest":
      // It was refused with those that were taken out and passed without them.
      return infer(problem, {
        ...state,
        todo: state.todo.slice(indices.length),
        rest: 0,
        oneOf: state.taken,
        taken: []
      })
    case "Alone":
      return infer(problem, {
        ...state,
        aside: without(state.aside, indices),
        oneOf: without(state.oneOf, indices),
        named: without(state.named, indices),
        names: state.named.includes(indices[0] ?? -1) ? { ...state.names, wrong: state.names.wrong + 1 } : state.names
      })
    case "Together":
      return { ...state, held: [] }
    case "Again":
      return { ...state, held: state.held.filter((held) => !indices.includes(held.index)) }
  }
}

/** The state after the `next` request was refused. */
export const refused = <A, D>(problem: Problem, before: State<A, D>, refusal: Refusal<D>): State<A, D> => {
  const step = next(problem, before)
  if (step === undefined) return before
  const { kind, indices } = step
  const state: State<A, D> = {
    ...before,
    requests: before.requests + 1,
    search: kind === "Run" ? { ...before.search, requests: before.search.requests + 1 } : before.search
  }
  if (kind === "Together") return { ...state, heldTogether: state.delivered.length }
  const [only, second] = indices
  if (only !== undefined && second === undefined) {
    if (kind === "Again") {
      const news = { detail: refusal.detail, deliveries: state.delivered.length }
      return {
        ...state,
        held: state.held.map((held) => (held.index === only ? { ...held, ...news, tries: held.tries + 1 } : held))
      }
    }
    const settled = kind === "Rest" ? { ...state, rest: 0, taken: [] } : state
    return infer(problem, condemn(problem, settled, only, refusal.detail))
  }
  const named = usable(problem, state, indices, refusal.named)
  return infer(problem, takeOut(problem, { ...state, detail: refusal.detail }, indices, named, named))
}

/** What of the names in an answer helps: not all of the run, and not when names were wrong more often than right. */
const usable = <A, D>(
  problem: Problem,
  state: State<A, D>,
  run: ReadonlyArray<number>,
  names: ReadonlyArray<number>
): ReadonlyArray<number> => {
  if (names.length === 0 || state.names.wrong > state.names.right) return []
  const inRun = new Set(names)
  const named = run.filter((index) => inRun.has(index))
  return named.length < run.length && problem.size > 1 ? named : []
}

/** After a run at the head of the line was refused: takes `likely` out of it, or halves it where there is none. */
const takeOut = <A, D>(
  problem: Problem,
  state: State<A, D>,
  run: ReadonlyArray<number>,
  likely: ReadonlyArray<number>,
  named: ReadonlyArray<number>
): State<A, D> => {
  const out = new Set(likely)
  if (out.size > 0) {
    for (const index of run) {
      // Behind one that shares its key it must wait.
      if (previousOf(problem, index).some((earlier) => out.has(earlier))) out.add(index)
    }
  }
  if (out.size === 0 || out.size === run.length) {
    return { ...state, suspects: run.length, rest: 0, taken: [] }
  }
  const taken = run.filter((index) => out.has(index))
  const [first, second, third] = named
  const isPair = !problem.independent && first !== undefined && second !== undefined && third === undefined
  return {
    ...state,
    todo: state.todo.filter((index) => !out.has(index)),
    suspects: 0,
    rest: run.length - taken.length,
    aside: inOrder([...state.aside, ...taken]),
    taken,
    named: [...state.named, ...named],
    pairs: isPair ? [...state.pairs, [first, second]] : state.pairs
  }
}

/** One record was refused alone. */
const condemn = <A, D>(problem: Problem, state: State<A, D>, index: number, detail: D): State<A, D> => {
  const decided = decide(state, index)
  return mayPassLater(problem, decided, index)
    ? { ...decided, held: [...decided.held, { index, detail, deliveries: decided.delivered.length, tries: 1 }] }
    : { ...decided, culprits: [...decided.culprits, { index, detail, proof: "Alone" }] }
}

/** Takes a culprit out of everything that knows of it. What it was suspected of is explained by it. */
const decide = <A, D>(state: State<A, D>, index: number): State<A, D> => {
  const inLine = state.todo[0] === index
  return {
    ...state,
    todo: inLine ? state.todo.slice(1) : state.todo,
    suspects: inLine ? 0 : state.suspects,
    search: inLine
      ? { ...state.search, decided: state.search.decided + 1, culprits: state.search.culprits + 1 }
      : state.search,
    aside: without(state.aside, [index]),
    oneOf: state.oneOf.includes(index) ? [] : state.oneOf,
    named: without(state.named, [index]),
    names: state.named.includes(index) ? { ...state.names, right: state.names.right + 1 } : state.names
  }
}

/**
 * Whether a record that was refused alone could pass when others are delivered: it fits with the end state
 * only after another one moved away. Not where it claims nothing, or what a delivered record holds, and not
 * where a later record of its key waits for it.
 */
const mayPassLater = <A, D>(problem: Problem, state: State<A, D>, index: number): boolean => {
  if (problem.independent) return false
  if (problem.claims?.[index]?.length === 0) return false
  const key = problem.keys?.[index]
  const waits = (other: number): boolean => key !== undefined && other > index && problem.keys?.[other] === key
  if (state.todo.some(waits) || state.aside.some(waits)) return false
  return partnersOf(problem, state, index).length === 0
}

/** Names the culprits that follow from what is known, without a request. */
const infer = <A, D>(problem: Problem, state: State<A, D>): State<A, D> => {
  if (!problem.independent) return state
  const index = state.oneOf.length === 1 ? state.oneOf[0] : state.suspects === 1 ? state.todo[0] : undefined
  return index === undefined
    ? state
    : infer(problem, {
        ...decide(state, index),
        culprits: [...state.culprits, { index, detail: state.detail, proof: "Inferred" }]
      })
}
