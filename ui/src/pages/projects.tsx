import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'projects' });
  return (
    <div className="page">
      <h1 className="ti">projects</h1>
    </div>
  );
}
