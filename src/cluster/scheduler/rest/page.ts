/** The page: a handful of files beside this module, read when first asked for; nothing else can be named. */
import { packageFiles } from '../../../common/package-files.js'
import { refusal, type HttpAnswer, type Route } from '../../http/route.js'
import type { SchedulerView } from './scheduler-view.js'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Only what this server sends is loaded, and nobody frames it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-cache',
}

export const PAGE_ROUTES: readonly Route<SchedulerView>[] = [
  { method: 'GET', path: '/', handle: () => pageFile('index.html') },
  { method: 'GET', path: '/ui/:file', handle: ({ params }) => pageFile(params.file) },
]

const files = packageFiles(new URL('../ui/', import.meta.url))

async function pageFile(name: string): Promise<HttpAnswer> {
  const body = (await files()).get(name)
  const contentType = CONTENT_TYPES[name.slice(name.lastIndexOf('.') + 1)]
  if (body === undefined || contentType === undefined) return refusal(404, `the page has no file '${name}'`)
  return { status: 200, contentType, body, headers: HEADERS }
}
