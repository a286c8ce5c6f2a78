import { MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/mantine.css';
import './styles/tokens.css';
import './styles/base.css';
import { App } from './app';
import { useTheme, useThemeWatcher } from './lib/theme';
import { theme, variables } from './theme';

function Root() {
  useThemeWatcher();
  const shown = useTheme();
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} forceColorScheme={shown}>
      <App />
    </MantineProvider>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
