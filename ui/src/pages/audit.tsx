import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'audit' });
  return (
    <div className="page">
      <h1 className="ti">audit</h1>
    </div>
  );
}
