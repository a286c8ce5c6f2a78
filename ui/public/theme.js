// Before the first paint: the theme and the language the reader chose, so that nothing flashes. A file of its own because the page's
// content security policy allows no inline script.
(function () {
  var root = document.documentElement;
  var theme = null;
  var lang = null;
  try {
    theme = localStorage.getItem('weft.theme');
    lang = localStorage.getItem('weft.lang');
  } catch (e) {
    // Storage is refused (private window): the system's wishes stand.
  }
  if (theme !== 'light' && theme !== 'dark') theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  if (lang !== 'en' && lang !== 'zh') lang = /^zh\b/i.test(navigator.language) ? 'zh' : 'en';
  root.setAttribute('data-theme', theme);
  root.setAttribute('data-mantine-color-scheme', theme);
  root.lang = lang;
})();
