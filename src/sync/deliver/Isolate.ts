/**
 * Finds which records of a refused batch are to blame, and delivers the others.
 *
 * A batch is refused with 400 or 422 because of some of its records, and mostly the answer does not say
 * which. `isolate` sends parts of it, one request at a time. A part that goes through **is** delivered, so at
 * the end each record was delivered exactly once, or is named as a culprit, or was left undecided for a
 * stated reason. How the parts are chosen, and how many requests that takes: see `IsolateSearch`.
 *
 * Where the destination takes a batch all or nothing, isolating it gives that up: two records that only pass
 * in one request, such as two customers that swap their addresses, may be cut apart. They are sent together
 * again at the end, but a culprit that is as yet unknown among them spoils that, and then both are refused.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as IsolateSearch from "./IsolateSearch.ts"
import * as IsolateState from "./IsolateState.ts"

/**
 * What a destination says to a run of records. Anything else that can happen is an error of `send`.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer<A, D> =
  /** It went through, and this is what the destination gave for it. */
  { readonly _tag: "Passed"; readonly receipt: A } | Refused<D>

/**
 * It was refused because of what is in it, and nothing of it was applied.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused<D> extends IsolateState.Refusal<D> {
  readonly _tag: "Refused"
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const passed = <A>(receipt: A): Answer<A, never> => ({ _tag: "Passed", receipt })

/**
 * @category constructors
 * @since 0.1.0
 */
export const refused = <D>(options: {
  /** What the answer said, without names. */
  readonly detail: D
  /** Indices in the whole batch of the records that the answer named. Default: none. */
  readonly named?: ReadonlyArray<number> | undefined
}): Refused<D> => ({ _tag: "Refused", named: options.named ?? [], detail: options.detail })

/**
 * The requests that all isolations of a run may spend together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  /** Takes one request; `false` when there is none left. */
  readonly take: Effect.Effect<boolean>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeBudget = (options: {
  /** Number of requests. */
  readonly requests: number
}): Effect.Effect<Budget> =>
  Effect.map(Ref.make(options.requests), (left) => ({
    take: Ref.modify(left, (requests): readonly [boolean, number] => [requests > 0, Math.max(0, requests - 1)])
  }))

/**
 * Why an isolation ended before every record was decided.
 *
 * @category models
 * @since 0.1.0
 */
export type Stopped<D, E> =
  /** Nothing was in flight. `detail` is what the last refusal of more than one record said. */
  | { readonly _tag: "BudgetSpent"; readonly detail: D }
  /** `inFlight` was sent, or about to be sent, when `send` failed with `error`: whether it was applied only the error can say. */
  | { readonly _tag: "SendFailed"; readonly error: E; readonly inFlight: ReadonlyArray<number> }

/**
 * How every record of a refused batch ended. `delivered`, the culprits of `blames` and `undecided` hold each
 * index of the batch exactly once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Isolation<A, D, E> {
  /** What went through, in the order in which it was sent. */
  readonly delivered: ReadonlyArray<IsolateState.Delivered<A>>
  /** Who is to blame; those who are to blame together in one group. */
  readonly blames: ReadonlyArray<IsolateState.Blame<D>>
  /** In source order; empty unless it was stopped. */
  readonly undecided: ReadonlyArray<number>
  /** Why it ended early; `undefined` where every record is decided. */
  readonly stopped: Stopped<D, E> | undefined
  /** Requests sent so far, without the refused batch itself. */
  readonly requests: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options<A, D, E, R> {
  /** Number of records in the refused batch. */
  readonly size: number
  /**
   * Whether a record fails for reasons of its own, whatever else is in the request. Where it does, a culprit may
   * be inferred; where not, each one is refused alone before it is blamed.
   */
  readonly independent: boolean
  /** The refusal of the whole batch. */
  readonly refused: Refused<D>
  /**
   * Sends these records, given by their indices in the batch, in this order, and says what the destination
   * answered. It retries what may pass. Where keys repeat in a batch and the destination keeps no order
   * between batches, it returns only when the run is settled.
   */
  readonly send: (indices: ReadonlyArray<number>) => Effect.Effect<Answer<A, D>, E, R>
  /** Key of a record. A record is never sent before an earlier one of its key is decided. Default: all differ. */
  readonly key?: ((index: number) => string) | undefined
  /**
   * The values that a record wants for itself alone, in one form: `email:a@b.c`. Only used where failures are
   * not independent; it tells which records clash with each other, which no request can. Default: not known.
   */
  readonly claims?: ((index: number) => ReadonlyArray<string>) | undefined
  /** Default: no limit but that of the search. */
  readonly budget?: Budget | undefined
}

/**
 * Takes a refused batch apart. It does not fail: an error ends it early, says `stopped`, and leaves in `undecided`
 * what was open; what was decided before is kept. It has no span: one keeps the exit of what it spans, and this one may
 * hold what a vendor wrote about customers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const isolate = Effect.fnUntraced(function* <A, D, E, R>(
  options: Options<A, D, E, R>
): Effect.fn.Return<Isolation<A, D, E>, never, R> {
  const problem = IsolateState.problem(options)
  let state = IsolateSearch.start<A, D>(problem, options.refused)
  while (true) {
    const step = IsolateSearch.next(problem, state)
    if (step === undefined) return ended(problem, state, undefined)
    if (options.budget !== undefined && !(yield* options.budget.take)) {
      return ended(problem, state, { _tag: "BudgetSpent", detail: state.detail })
    }
    const answer = yield* Effect.result(options.send(step.indices))
    if (Result.isFailure(answer)) {
      return ended(problem, state, { _tag: "SendFailed", error: answer.failure, inFlight: step.indices })
    }
    state =
      answer.success._tag === "Passed"
        ? IsolateSearch.passed(problem, state, answer.success.receipt)
        : IsolateSearch.refused(problem, state, answer.success)
  }
})

const ended = <A, D, E>(
  problem: IsolateState.Problem,
  state: IsolateState.State<A, D>,
  stopped: Stopped<D, E> | undefined
): Isolation<A, D, E> => {
  const inFlight = new Set(stopped?._tag === "SendFailed" ? stopped.inFlight : [])
  // A record that was refused alone and is being tried once more may have gone through by now.
  const known = inFlight.size === 0 ? state : { ...state, held: state.held.filter(({ index }) => !inFlight.has(index)) }
  const undecided = IsolateState.inOrder([...new Set([...IsolateState.undecided(state), ...inFlight])])
  return {
    delivered: state.delivered,
    blames: IsolateState.blames(problem, known),
    undecided,
    stopped,
    requests: state.requests
  }
}
