/** Isolates a part of a batch that was refused: with the requests of the run, to the fates of its records. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { ApiError } from "../../http/ApiError.ts"
import type { Behaviour, Destination, Receipt } from "../model/Destination.ts"
import type { Fate, Fates, Rejected } from "../model/Fate.ts"
import * as Isolate from "./Isolate.ts"
import type { Blame } from "./IsolateState.ts"
import * as Part from "./Part.ts"
import type { Answered } from "./Request.ts"
import * as SendFailure from "./SendFailure.ts"

export interface Options<A, B extends Behaviour, R> {
  readonly to: Destination<A, B, ApiError, R>
  /** The requests that taking refused batches apart may cost in the whole run. */
  readonly budget: Isolate.Budget
  readonly stopped: () => object | undefined
}

interface Delivery<A, R> {
  readonly request: (part: Part.Part<A>) => Effect.Effect<Answered, never, R>
  readonly failures: ReturnType<typeof SendFailure.reader>
  readonly accepted: (part: Part.Part<A>, receipt: Receipt) => Effect.Effect<Fates, never, R>
  /** Delivers what was not decided. */
  readonly inTurn: (parts: ReadonlyArray<Part.Part<A>>) => Effect.Effect<Fates, never, R>
}

type NotRefused = Exclude<SendFailure.Meaning, { readonly _tag: "Refused" }>

export const make = <A, B extends Behaviour, R>(
  { budget, stopped, to }: Options<A, B, R>,
  { accepted, failures, inTurn, request }: Delivery<A, R>
) => {
  const behaviour: Behaviour = to.behaviour
  const claimsOf = to.claims

  // What an isolation that ended early left open.
  const rest = (
    { stopped, undecided }: Isolate.Isolation<Receipt, Rejected, NotRefused>,
    part: Part.Part<A>
  ): Effect.Effect<Fates, never, R> => {
    if (stopped === undefined || undecided.length === 0) return Effect.succeed([])
    if (stopped._tag === "BudgetSpent") {
      return Effect.succeed(Part.placed(part, [{ indices: undecided, fate: notIsolated(stopped.detail) }]))
    }
    const { error, inFlight } = stopped
    const others = Part.split(
      part,
      undecided.filter((position) => !inFlight.includes(position))
    )
    return error._tag === "TooLarge"
      ? inTurn([...Part.split(part, inFlight).flatMap(Part.halves), ...others])
      : Effect.map(inTurn(others), (fates) => [
          ...Part.placed(part, [{ indices: inFlight, fate: error.fate }]),
          ...fates
        ])
  }

  return Effect.fnUntraced(function* (
    part: Part.Part<A>,
    error: SendFailure.AnsweredFailure
  ): Effect.fn.Return<Fates, never, R> {
    const { records } = part
    const keys = records.map(({ key }) => key)
    // Parts with a common key must not be unfinished at once, so that each is waited for before the next goes out.
    const settleAtOnce = new Set(keys).size < keys.length
    const settled: Array<Fates[number]> = []
    const refused = (error: SendFailure.AnsweredFailure, positions: ReadonlyArray<number>) =>
      Isolate.refused({
        detail: SendFailure.rejected(error),
        named: to
          .named(
            Redacted.value(error.answer),
            positions.map((position) => keys[position] ?? "")
          )
          .flatMap((named) => positions[named] ?? [])
      })
    const isolation = yield* Isolate.isolate<Receipt, Rejected, NotRefused, R>({
      size: records.length,
      independent: behaviour.failures === "independent",
      budget,
      refused: refused(
        error,
        records.map((_, position) => position)
      ),
      ...(settleAtOnce ? { key: (position: number) => keys[position] ?? "" } : {}),
      ...(claimsOf === undefined
        ? {}
        : {
            claims: (position: number) => {
              const patch = records[position]?.patch
              return patch === undefined ? [] : claimsOf(patch)
            }
          }),
      send: Effect.fnUntraced(function* (positions) {
        const [sent] = Part.split(part, positions)
        if (sent === undefined || stopped() !== undefined) {
          return yield* Effect.fail<NotRefused>({ _tag: "Decided", fate: { _tag: "Unsent" } })
        }
        const { applied, result } = yield* request(sent)
        if (Result.isSuccess(result)) {
          failures.expected()
          if (settleAtOnce) settled.push(...(yield* accepted(sent, result.success)))
          return Isolate.passed(result.success)
        }
        const meaning = failures.read(result.failure, applied, positions.length)
        return meaning._tag === "Refused" ? refused(meaning.error, positions) : yield* Effect.fail(meaning)
      })
    })
    const delivered = settleAtOnce
      ? settled
      : (yield* Effect.forEach(
          isolation.delivered,
          ({ indices, receipt }) => Effect.forEach(Part.split(part, indices), (sent) => accepted(sent, receipt)),
          { concurrency: "unbounded" }
        )).flat(2)
    const blamed = isolation.blames.flatMap((blame) => blamedTogether(blame, records))
    return [...delivered, ...Part.placed(part, blamed), ...(yield* rest(isolation, part))]
  })
}

// The fate of what was refused together, when no more requests may be made to tell the records at fault from the others.
const notIsolated = ({ answer, reason }: Rejected): Fate => ({
  _tag: "Rejected",
  answer,
  together: true,
  reason: {
    ...reason,
    tag: "NotIsolated",
    message: `${reason.message} The requests to find the records at fault are used up, so this may be one or a bystander.`
  }
})

// The fates of the records that are to blame together, each with the offsets of the others.
const blamedTogether = (
  { culprits, partners = [] }: Blame<Rejected>,
  records: ReadonlyArray<{ readonly offset: number }>
): Fates => {
  const together = [...culprits.map(({ index }) => index), ...partners]
  return culprits.map(({ detail: { answer, reason }, index }) => {
    const others = together.filter((other) => other !== index).flatMap((other) => records[other]?.offset ?? [])
    const message = `${reason.message} To blame together with offset ${others.join(", ")}.`
    const told = others.length === 0 ? reason : { ...reason, message }
    return { indices: [index], fate: { _tag: "Rejected", reason: told, answer } }
  })
}
