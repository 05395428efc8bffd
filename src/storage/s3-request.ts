/** Requests to S3: from buckets and keys to signed requests over HTTP. */
import { AwsV4Signer } from 'aws4fetch'
import { fail } from '../common/errors.js'
import { sendOnce, type HttpReply, type HttpRequest } from './http-client.js'
import { s3Access, type S3Access } from './s3-access.js'
import type { FilePlace } from './store.js'
import { checkRoots } from './url-roots.js'

/** An object, or a prefix of keys. */
export interface S3Object {
  readonly bucket: string
  readonly key: string
}

export interface S3Request {
  readonly method: HttpRequest['method']
  /** Of the request about the bucket or object; absent: none. */
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/**
 * The object that `s3://bucket/key` names; the key is taken as it is written. Throws NOT_SUPPORTED for what can be no bucket or key, and
 * PATH_NOT_ALLOWED where it does not lie below a data root.
 */
export function s3Object(place: FilePlace): S3Object {
  const { path } = place
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/?(.*)$/is.exec(path) ?? []
  if (bucket.includes('@'))
    throw fail('NOT_SUPPORTED', ['a user name or password in a URL of s3:// (SET s3.access_key_id)'])
  if (!/^[a-z0-9][a-z0-9._-]{1,254}$/i.test(bucket) || bucket.includes('..'))
    throw fail('NOT_SUPPORTED', [`the location '${path}', whose bucket has an impossible name,`])
  // Libraries and proxies on the way resolve them.
  if (key.split('/').some(part => part === '.' || part === '..') || /[\u0000-\u001f\u007f]/.test(key))
    throw fail('NOT_SUPPORTED', [`the location '${path}' (its key has '.', '..' or a control character)`])
  checkRoots(place, { protocol: 's3:', host: bucket, pathname: `/${key}` })
  return { bucket, key }
}

/** One attempt. `object` is the place's, or that of an operation about its bucket. */
export async function sendToS3(place: FilePlace, object: S3Object, request: S3Request): Promise<HttpReply> {
  const access = s3Access(place.host.config)
  checkEndpoint(place, access)
  const url = urlOf(object, access)
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value)
  const { method, headers = {}, body } = request
  const signed = await signedHeaders(url, { method, headers }, access)
  return sendOnce({ method, url, headers: signed, ...(body === undefined ? {} : { body }) }, place)
}

/** Where URLs are restricted, a session may choose only endpoints that lie below a data root. */
function checkEndpoint(place: FilePlace, { endpoint, isEndpointOfSession }: S3Access): void {
  if (endpoint !== undefined && isEndpointOfSession) checkRoots({ ...place, path: endpoint.href }, endpoint)
}

function urlOf({ bucket, key }: S3Object, { endpoint, isPathStyle, region }: S3Access): URL {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com/`)
  const base = url.pathname.replace(/\/$/, '')
  if (!isPathStyle) url.hostname = `${bucket}.${url.hostname}`
  url.pathname = `${base}/${isPathStyle ? `${bucket}/` : ''}${key.split('/').map(escaped).join('/')}`
  return url
}

/** As RFC 3986 wants it, and signatures with it. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

/** Keys that sign, derived once a day, region and secret. */
const derived = new Map<string, ArrayBuffer>()
/** Of many sessions of a server. */
const MAX_DERIVED = 1000

async function signedHeaders(
  url: URL,
  { method, headers }: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
  { keys, region }: S3Access,
): Promise<Record<string, string>> {
  if (keys === undefined) return { ...headers }
  if (derived.size > MAX_DERIVED) derived.clear()
  const signer = new AwsV4Signer({ ...keys, url: url.href, method, headers, region, service: 's3', cache: derived })
  return Object.fromEntries((await signer.sign()).headers)
}
