/**
 * What both vendors' handlers share: bodies that are read by hand, and answers that are not the declared
 * success.
 */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Predicate from "effect/Predicate"

/** A JSON object as it came. */
export type JsonObject = Readonly<Record<string, unknown>>

/** An effect that may end in an answer of its own instead of the declared success. */
export type Refusable<A, R = never> = Effect.Effect<A, HttpServerResponse.HttpServerResponse, R>

export const refuse = (
  status: number,
  body: JsonObject,
  headers?: Readonly<Record<string, string>>
): Refusable<never> => Effect.fail(HttpServerResponse.jsonUnsafe(body, { status, headers }))

/** Sends what was refused as the answer that it is. */
export const answered = <A, R>(
  effect: Refusable<A, R>
): Effect.Effect<A | HttpServerResponse.HttpServerResponse, never, R> =>
  Effect.catch(effect, (response) => Effect.succeed(response))

export const isJsonObject = (value: unknown): value is JsonObject => Predicate.isObject(value) && !Array.isArray(value)

/** The body as a JSON object; anything else is refused with `refusal(problem)`. */
export const readJson = (
  request: HttpServerRequest.HttpServerRequest,
  refusal: (problem: string) => Refusable<never>
): Refusable<JsonObject> => {
  const contentType = request.headers["content-type"]
  if (contentType !== undefined && !/^application\/json\s*(?:;|$)/i.test(contentType)) {
    return refuse(415, { success: false, message: "The body must be application/json." })
  }
  return Effect.flatMap(Effect.orDie(request.text), (text) => {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      return refusal("The body is not JSON.")
    }
    return isJsonObject(body) ? Effect.succeed(body) : refusal("The body must be a JSON object.")
  })
}

/** Says why a value is not of the type that a field has, or `undefined` where it is. */
export type FieldCheck = (value: unknown) => string | undefined

export const isText: FieldCheck = (value) => (typeof value === "string" ? undefined : "must be a string")

export const isKey: FieldCheck = (value) =>
  typeof value === "string" && value !== "" ? undefined : "must be a string that is not empty"
