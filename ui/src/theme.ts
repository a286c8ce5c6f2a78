// Mantine dressed in the design's tokens. Its variables stand in styles/mantine.css: the page's content security policy allows no <style>.
import { createTheme } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'cobalt',
  primaryShade: { light: 7, dark: 5 },
  colors: { cobalt: ['#eef2ff', '#dfe6ff', '#c2cefd', '#a3b4fa', '#7f98ff', '#4d68e8', '#435fe2', '#3c57dc', '#3049c4', '#273ca5'] },
  fontFamily: 'var(--font-sans)',
  fontFamilyMonospace: 'var(--font-mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '15px', lg: '20px', xl: '26px' },
  radius: { sm: '5px', md: '7px', lg: '10px' },
  defaultRadius: 'md',
  focusRing: 'auto',
  respectReducedMotion: true,
  cursorType: 'pointer',
});
