/**
 * An endpoint of a vendor as a client calls it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as InputIssue from "../json/InputIssue.ts"
import * as ApiError from "./ApiError.ts"

/**
 * One endpoint as a client calls it: `A` is what its answer holds, `Status` the statuses that it is known
 * to refuse a request with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint<A, Status extends ApiError.RefusalStatus> {
  readonly vendor: string
  /** The path with its parameters in braces: `/api/batches/{batchId}`. */
  readonly template: string
  /** Method and template. */
  readonly label: string
  readonly refusals: ReadonlyArray<Status>
  /** Reads the parsed JSON of a 2xx answer, or says what is wrong with it, without what it holds. */
  readonly read: (body: unknown) => Result.Result<A, string>
}

/** What is read of an `HttpApiEndpoint`. */
interface Declaration {
  readonly method: string
  readonly path: string
  readonly success: ReadonlySet<Schema.Top>
  readonly "~Success": Schema.Constraint
}

/**
 * An endpoint from its declaration. `refusals` lists the statuses that have an error of their own, also the
 * undocumented ones; any other becomes an `UnexpectedAnswer`. `read` takes what is wanted out of the decoded
 * answer, or says why it is not what it should be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E extends Declaration, const Status extends ApiError.RefusalStatus, A>(
  vendor: string,
  declaration: E,
  refusals: ReadonlyArray<Status>,
  read: (answer: E["~Success"]["Type"]) => Result.Result<A, string>
): Endpoint<A, Status> => {
  const template = declaration.path.replaceAll(/:(\w+)/g, "{$1}")
  // A declaration keeps its success schemas in a set that has forgotten their types. Ours have one each, which
  // needs no service.
  const success = [...declaration.success][0] as unknown as Schema.ConstraintDecoder<E["~Success"]["Type"]>
  const decode = Schema.decodeUnknownResult(success)
  return {
    vendor,
    template,
    label: `${declaration.method} ${template}`,
    refusals,
    read: (body) => {
      const decoded = decode(body)
      return Result.isSuccess(decoded)
        ? read(decoded.success)
        : Result.fail(
            `a body that is not what it answers (${InputIssue.format(InputIssue.fromSchemaIssue(decoded.failure.issue))})`
          )
    }
  }
}

/**
 * The errors of a call to an endpoint, before a new token is tried.
 *
 * @category errors
 * @since 0.1.0
 */
export type CallError<Status extends ApiError.RefusalStatus> =
  | ApiError.CommonError
  | ApiError.TokenExpired
  | ApiError.Refusals[Status]

/**
 * What every error of a call says of it.
 *
 * @category getters
 * @since 0.1.0
 */
export const called = ({ label, vendor }: Endpoint<unknown, ApiError.RefusalStatus>) => ({ vendor, endpoint: label })

/**
 * Why a call must not be made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (
  endpoint: Endpoint<unknown, ApiError.RefusalStatus>,
  issues: ReadonlyArray<InputIssue.InputIssue>
): ApiError.InvalidRequest => new ApiError.InvalidRequest({ ...called(endpoint), issues })

/**
 * A call that was not sent, because nobody could say when: the store that processes share its limit through is gone.
 *
 * @category errors
 * @since 0.1.0
 */
export const unavailable = ({
  label,
  vendor
}: Pick<Endpoint<unknown, ApiError.RefusalStatus>, "label" | "vendor">): Effect.Effect<
  never,
  ApiError.TransportFault
> =>
  Effect.fail(
    new ApiError.TransportFault({ vendor, endpoint: label, applied: "no", code: "no answer from the limit's store" })
  )
