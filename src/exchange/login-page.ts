/** What a browser sees of a server that wants a token; `%s` is a note. */
export const LOGIN_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Ballista</title>
<style>
  body { font: 16px system-ui, sans-serif; margin: 20vh auto; max-width: 24rem; padding: 0 1rem }
  input, button { font: inherit; padding: 0.5rem; width: 100%; box-sizing: border-box; margin-top: 0.75rem }
</style>
<form method="post" action="/login">
  <label>Token of this cluster <input name="token" type="password" autocomplete="off" autofocus required></label>
  <button>Log in</button>
  <p role="alert">%s</p>
</form>
</html>
`
