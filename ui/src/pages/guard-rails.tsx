import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'guard-rails' });
  return (
    <div className="page">
      <h1 className="ti">guard-rails</h1>
    </div>
  );
}
