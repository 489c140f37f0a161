/**
 * A fault rule's text, read.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as HttpMethod from "effect/http/HttpMethod"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Fault from "./Fault.ts"
import { FaultTextError, type Token, tokens } from "./FaultTokens.ts"

type Parsed<A> = Result.Result<A, FaultTextError>
type Writable<A> = { -readonly [K in keyof A]: A[K] }

const vendors: ReadonlyArray<string> = ["reach", "pocketflows"] satisfies ReadonlyArray<Fault.Vendor>
const methods: ReadonlyArray<string> = [...HttpMethod.all]
const faults = ["latency", "reset", "cut-short", "malformed-json", "no-answer"] as const
const details = ["@", "first", "skip", "every"] as const
const answerDetails = ["retry-after", "body", "header", "no-content-type"] as const
const units = { ns: "nanos", us: "micros", ms: "millis", s: "seconds", m: "minutes", h: "hours", d: "days" } as const

// Node's server answers three digits; those below 200 end no exchange.
const minStatus = 200
const statusPattern = /^\d{3}$/

const aFault = `a status from ${minStatus} to 999, or ${list(faults)}`

/**
 * Reads a rule. Everything that `Fault.Rule` can say has its text, but for `where`, which is code.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Fault.Rule, FaultTextError> =>
  Result.flatMap(tokens(text), (all) => readRule(new Reader(text, all)))

/** The tokens still to come. */
class Reader {
  readonly text: string
  private readonly all: ReadonlyArray<Token>
  private place = 0

  constructor(text: string, all: ReadonlyArray<Token>) {
    this.text = text
    this.all = all
  }

  get next(): Token | undefined {
    return this.all[this.place]
  }

  skip(): void {
    this.place++
  }

  /** Takes the next token where it is this word or mark. */
  take(value: string): boolean {
    const { next } = this
    if ((next?._tag !== "Word" && next?._tag !== "Mark") || next.value !== value) return false
    this.skip()
    return true
  }

  fail(problem: string, token = this.next): Result.Result<never, FaultTextError> {
    return Result.fail(new FaultTextError({ text: this.text, at: token?.at ?? this.text.trimEnd().length, problem }))
  }

  expected(what: string): Result.Result<never, FaultTextError> {
    const { next } = this
    const found = next === undefined ? "the rule ends" : `this is ${this.text.slice(next.at, next.end)}`
    return this.fail(`expected ${what}; ${found}`)
  }

  /** Takes the next word where `read` makes something of it. */
  read<A>(what: string, read: (word: string) => A | undefined): Parsed<A> {
    const { next } = this
    const value = next?._tag === "Word" ? read(next.value) : undefined
    if (value === undefined) return this.expected(what)
    this.skip()
    return Result.succeed(value)
  }

  /** Takes the next word where it is one of these. */
  choice<const A extends string>(words: ReadonlyArray<A>): A | undefined {
    return words.find((word) => this.take(word))
  }
}

const readRule = (reader: Reader): Parsed<Fault.Rule> =>
  Result.gen(function* () {
    const target = yield* readTarget(reader)
    const fault = yield* readFault(reader)
    const often: Writable<Pick<Fault.Rule, "probability" | "times" | "after" | "every">> = {}
    const answer: Answer = { headers: {} }
    const isAnswer = fault._tag === "Respond"
    const allowed: ReadonlyArray<string> = isAnswer ? [...details, ...answerDetails] : details
    const said = new Set<string>()
    while (reader.next !== undefined) {
      const separated = reader.take(",")
      const token = reader.next
      const detail = reader.choice(allowed)
      if (detail === undefined) {
        const known = answerDetails.find((one) => token?._tag === "Word" && token.value === one)
        if (known !== undefined) return yield* reader.fail(`${known} goes with a status, such as 503, and nothing else`)
        return yield* reader.expected(separated ? list(allowed) : `${list(allowed)}, or the end`)
      }
      if (said.has(detail) && detail !== "header") return yield* reader.fail(`${detail} is said twice`, token)
      said.add(detail)
      if (detail === "@") often.probability = yield* readShare(reader)
      else if (detail === "first") often.times = yield* readCount(reader, 0)
      else if (detail === "skip") often.after = yield* readCount(reader, 0)
      else if (detail === "every") often.every = yield* readCount(reader, 1)
      else yield* readAnswer(reader, detail, answer)
    }
    return { ...target, fault: fault._tag === "Respond" ? respond(fault.status, answer) : fault, ...often }
  })

const readTarget = (reader: Reader): Parsed<Pick<Fault.Rule, "vendor" | "method" | "path">> =>
  Result.gen(function* () {
    const target: Writable<Pick<Fault.Rule, "vendor" | "method" | "path">> = {}
    const vendor = reader.choice(vendors)
    // `vendors` holds no others.
    if (vendor !== undefined) target.vendor = vendor as Fault.Vendor
    const method = reader.choice(methods)
    if (method !== undefined) target.method = method
    const { next } = reader
    const isPath = next?._tag === "Word" && next.value.startsWith("/")
    if (isPath || next?._tag === "Text" || next?._tag === "Pattern") {
      target.path = next.value
      reader.skip()
    }
    const missing = [
      ...(target.path !== undefined ? [] : ["a path such as /api/…"]),
      ...(target.path !== undefined || method !== undefined ? [] : ["a method in capitals such as PATCH"])
    ]
    if (Object.keys(target).length === 0) {
      const { next } = reader
      const starts = next?._tag === "Word" && (statusPattern.test(next.value) || isFault(next.value))
      return starts
        ? target
        : yield* reader.expected(`${aFault}; or which requests: reach, pocketflows, ${list(missing)}`)
    }
    if (!reader.take(":")) {
      return yield* reader.expected(`${list([...missing, '":"'])}, with what happens after the colon`)
    }
    return target
  })

const isFault = (word: string): boolean => faults.some((fault) => fault === word)

type Unanswered = { readonly _tag: "Respond"; readonly status: number } | Exclude<Fault.Fault, Fault.Respond>

const readFault = (reader: Reader): Parsed<Unanswered> =>
  Result.gen(function* () {
    switch (reader.choice(faults)) {
      case "latency":
        return yield* readLatency(reader)
      case "reset": {
        const when = reader.choice(["before", "during", "after"])
        if (when === undefined) return yield* reader.expected("before, during or after the request is applied")
        return { _tag: "Reset", when } as const
      }
      case "cut-short": {
        const { next } = reader
        const isShare = next?._tag === "Word" && /^[\d.]/.test(next.value)
        return { _tag: "CutShort", part: isShare ? yield* readShare(reader) : 0.5 } as const
      }
      case "malformed-json":
        return { _tag: "MalformedJson" } as const
      case "no-answer":
        return { _tag: "NoAnswer", applied: reader.take("applied") } as const
      case undefined: {
        const status = yield* reader.read(aFault, (word) =>
          statusPattern.test(word) && Number(word) >= minStatus ? Number(word) : undefined
        )
        return { _tag: "Respond", status } as const
      }
    }
  })

const aTime = "a time such as 250ms, 2s or 1.5m"

const readLatency = (reader: Reader): Parsed<Fault.Latency> =>
  Result.gen(function* () {
    const delay = yield* reader.read(`${aTime}, or a range such as 50ms..2s`, (word): Fault.Delay | undefined => {
      const [first = "", second, ...more] = word.split("..")
      const min = time(first)
      if (second === undefined) return min
      const max = time(second)
      return min === undefined || max === undefined || more.length > 0 || Duration.isLessThan(max, min)
        ? undefined
        : { min, max }
    })
    return { _tag: "Latency", delay, when: reader.choice(["before", "after"]) ?? "before" }
  })

const time = (word: string): Duration.Duration | undefined => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(word) ?? []
  if (number === undefined || unit === undefined || !isUnit(unit)) return undefined
  // The expression above took a number of the form that this has.
  return Option.getOrUndefined(Duration.fromInput(`${number} ${units[unit]}` as Duration.Input))
}

const isUnit = (unit: string): unit is keyof typeof units => Object.hasOwn(units, unit)

const readShare = (reader: Reader): Parsed<number> =>
  reader.read("a share from 0% to 100%, such as 5% or 0.05", (word) => {
    const [, number, percent] = /^(\d*\.?\d+(?:e-?\d+)?)(%?)$/.exec(word) ?? []
    const share = number === undefined ? Number.NaN : Number(number) / (percent === "%" ? 100 : 1)
    return share >= 0 && share <= 1 ? share : undefined
  })

const readCount = (reader: Reader, least: number): Parsed<number> =>
  reader.read(`a number, ${least} or more`, (word) => {
    const count = /^\d+$/.test(word) ? Number(word) : Number.NaN
    return Number.isSafeInteger(count) && count >= least ? count : undefined
  })

/** What is said of an answer, beside its status. */
interface Answer {
  readonly headers: Record<string, string>
  body?: unknown
  retryAfter?: Duration.Duration
  retryAfterForm?: "seconds" | "http-date"
  hasNoType?: true
}

// RFC 9110 §5.1 and §5.5: what a header may be called, and what it may hold.
const headerName = /^[\w!#$%&'*+.^`|~-]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

const readAnswer = (reader: Reader, detail: string, answer: Answer): Parsed<void> =>
  Result.gen(function* () {
    switch (detail) {
      case "retry-after": {
        answer.retryAfter = yield* reader.read(aTime, time)
        if (!reader.take("as")) return
        const form = reader.choice(["seconds", "date"])
        if (form === undefined) return yield* reader.expected("seconds or date")
        answer.retryAfterForm = form === "date" ? "http-date" : "seconds"
        return
      }
      case "body": {
        const { next } = reader
        if (next?._tag !== "Text" && next?._tag !== "Json") {
          return yield* reader.expected('a text such as "Try later", or JSON such as {"message":"Try later"}')
        }
        answer.body = next.value
        return reader.skip()
      }
      case "header": {
        const name = yield* reader.read("a header's name", (word) => (headerName.test(word) ? word : undefined))
        const { next } = reader
        if ((next?._tag !== "Word" && next?._tag !== "Text") || !headerValue.test(next.value)) {
          return yield* reader.expected('the header\'s value, such as 30 or "text/html; charset=utf-8"')
        }
        answer.headers[name.toLowerCase()] = next.value
        return reader.skip()
      }
      case "no-content-type":
        answer.hasNoType = true
    }
  })

const respond = (status: number, { hasNoType, ...answer }: Answer): Fault.Fault => {
  const fault = Fault.respond({ status, ...answer })
  if (hasNoType !== true || fault._tag !== "Respond") return fault
  const { "content-type": _, ...headers } = fault.headers
  return { ...fault, headers }
}

function list(words: ReadonlyArray<string>): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`
}
